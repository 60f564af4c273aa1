import { sign } from 'node:crypto'

import type { CloudFrontConfig } from '../../config/cloudfront.ts'
import type { Clock, StorageKey } from '../../vocabulary/vocabulary.ts'
import type { DownloadLink, LinkOptions } from '../file-store.ts'
import { responseHeaderPairs, wholeSecond } from './s3-links.ts'
import { encodePath } from './s3-signature.ts'

type CloudFrontNeeds = { config: CloudFrontConfig; now: Clock }

/** Signs CloudFront links with a canned policy. CloudFront derives the policy from the address, so each letter counts. */
export function createCloudFrontSigner({ config, now }: CloudFrontNeeds) {
  const { domain, keyPairId, privateKey } = config

  return async (key: StorageKey, link: LinkOptions): Promise<DownloadLink> => {
    const expires = wholeSecond(now()).getTime() / 1000 + link.seconds
    const address = `https://${domain}/${encodePath(key)}?${responseHeaderPairs(link).join('&')}`
    const signature = sign('sha256', Buffer.from(cannedPolicy(address, expires)), privateKey).toString('base64')
    const signed = [
      `Expires=${expires}`,
      `Signature=${signature.replaceAll(/[+=/]/g, (letter) => cloudFrontBase64[letter] ?? letter)}`,
      `Key-Pair-Id=${keyPairId}`,
      // The default of CloudFront is SHA-1.
      'Hash-Algorithm=SHA256',
    ]
    return { url: `${address}&${signed.join('&')}`, expiresAt: new Date(expires * 1000) }
  }
}

/** Exactly the text that CloudFront signs: another order or a space would give another signature. */
function cannedPolicy(address: string, expires: number): string {
  return `{"Statement":[{"Resource":"${address}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`
}

/** CloudFront's URL-safe base64. */
const cloudFrontBase64: Record<string, string> = { '+': '-', '=': '_', '/': '~' }
