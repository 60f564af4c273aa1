import { sign } from 'node:crypto'

import type { CloudFrontConfig } from '../config-cloudfront.ts'
import type { Clock, StorageKey } from '../vocabulary.ts'
import type { DownloadLink, LinkOptions } from './file-store.ts'
import { encodePath, encodeQuery, forcedHeaders, wholeSecond } from './link-address.ts'

type Needs = { config: CloudFrontConfig; now: Clock }

/**
 * Signs links to the distribution in front of the bucket, with a canned policy and without asking anybody. CloudFront
 * makes the policy again from the address as it arrives, so that what is signed is the address to its last letter.
 */
export function makeCloudFrontSigner({ config, now }: Needs) {
  const { domain, keyPairId, privateKey } = config

  return async (key: StorageKey, link: LinkOptions): Promise<DownloadLink> => {
    const expires = wholeSecond(now()).getTime() / 1000 + link.seconds
    const address = `https://${domain}/${encodePath(key)}?${encodeQuery(Object.entries(forcedHeaders(link)))}`
    const signature = sign('sha256', Buffer.from(cannedPolicy(address, expires)), privateKey).toString('base64')
    const signed = [
      `Expires=${expires}`,
      `Signature=${signature.replaceAll(/[+=/]/g, (letter) => instead[letter] ?? letter)}`,
      `Key-Pair-Id=${keyPairId}`,
      // Without it CloudFront takes the signature for one over SHA-1.
      'Hash-Algorithm=SHA256',
    ]
    return { url: `${address}&${signed.join('&')}`, expiresAt: new Date(expires * 1000) }
  }
}

/** Letter for letter what CloudFront writes: another order or one blank more would be another signature. */
function cannedPolicy(address: string, expires: number): string {
  return `{"Statement":[{"Resource":"${address}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`
}

/** CloudFront's own base64 for addresses. */
const instead: Record<string, string> = { '+': '-', '=': '_', '/': '~' }
