import { sign } from 'node:crypto'

import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

import type { CloudFrontConfig } from '../../config/cloudfront.ts'
import type { S3Config } from '../../config/config.ts'
import type { Clock, StorageKey } from '../../vocabulary/vocabulary.ts'
import { formatContentDisposition } from './content-disposition.ts'
import { type DownloadLink, type LinkOptions, StoreError } from '../file-store.ts'
import { createQuerySigner, encodeForQuery, encodePath, type S3Identity } from './s3-signature.ts'

type SignLink = (key: StorageKey, link: LinkOptions) => Promise<DownloadLink>
type Needs = { config: S3Config; credentials: () => Promise<S3Identity>; now: Clock }

/** Clocks differ a little: a link ends this much before the credentials that signed it. */
const credentialMarginSeconds = 30

/** Signs links to `GetObject` locally. The SDK's middleware runs once, to learn the form of a URL. */
export function createS3LinkSigner({ config, credentials, now }: Needs): SignLink {
  const client = linkClient(config, credentials)
  let form: Promise<UrlFormat> | undefined
  let signer: { identity: S3Identity; sign: ReturnType<typeof createQuerySigner> } | undefined

  return async (key, link) => {
    const identity = await requireIdentity(credentials)
    form ??= readUrlFormat(client, config.bucket)
    const { origin, host, pathPrefix, query } = await form.catch((error: unknown) => {
      form = undefined
      throw error
    })
    if (signer?.identity !== identity) signer = { identity, sign: createQuerySigner(identity, config.region) }

    const signedAt = wholeSecond(now())
    const seconds = linkSeconds(link.seconds, identity.expiration, signedAt)
    const path = pathPrefix + encodePath(key)
    const signed = signer.sign({ host, path, query: [...query, ...forcedHeaders(link)] }, { signedAt, seconds })
    return { url: `${origin}${path}?${signed}`, expiresAt: new Date(signedAt.getTime() + seconds * 1000) }
  }
}

/** For the SDK's own URLs; its requests never leave the machine. */
function linkClient(config: S3Config, credentials: () => Promise<S3Identity>): S3Client {
  return new S3Client({
    region: config.region,
    ...(config.publicEndpoint === undefined ? {} : { endpoint: config.publicEndpoint }),
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle: config.forcePathStyle,
    credentials,
    // A browser sends and checks no checksum; asking for one would only lengthen each link.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

async function requireIdentity(credentials: () => Promise<S3Identity>): Promise<S3Identity> {
  try {
    return await credentials()
  } catch (error) {
    throw new StoreError('unavailable', 'No credentials could be had to sign a link with.', error)
  }
}

/** How the SDK addresses an object: all but its key. `query`: what it says in every link. */
export type UrlFormat = { origin: string; host: string; pathPrefix: string; query: string[] }

/** Asks the SDK for an address; nothing leaves the machine. */
export async function readUrlFormat(client: S3Client, bucket: string): Promise<UrlFormat> {
  const sample = 'sample'
  const url = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: sample })))
  const fixed = [...url.searchParams].filter(([name]) => !name.startsWith('X-Amz-'))
  return {
    origin: url.origin,
    host: url.host,
    pathPrefix: url.pathname.slice(0, -sample.length),
    query: fixed.map(([name, value]) => `${encodeForQuery(name)}=${encodeForQuery(value)}`),
  }
}

function linkSeconds(wished: number, expiration: Date | undefined, signingDate: Date): number {
  if (expiration === undefined) return wished
  const left = Math.floor((expiration.getTime() - signingDate.getTime()) / 1000) - credentialMarginSeconds
  if (left < 1) throw new StoreError('unavailable', 'The credentials end too soon to sign a link with them.')
  return Math.min(wished, left)
}

type CloudFrontNeeds = { config: CloudFrontConfig; now: Clock }

/** Signs CloudFront links with a canned policy. CloudFront derives the policy from the address, so each letter counts. */
export function createCloudFrontSigner({ config, now }: CloudFrontNeeds) {
  const { domain, keyPairId, privateKey } = config

  return async (key: StorageKey, link: LinkOptions): Promise<DownloadLink> => {
    const expires = wholeSecond(now()).getTime() / 1000 + link.seconds
    const address = `https://${domain}/${encodePath(key)}?${forcedHeaders(link).join('&')}`
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

/** What a link makes S3 say of the bytes, whatever their object says of itself: pairs of its query. */
function forcedHeaders(link: LinkOptions): string[] {
  return [
    `response-content-disposition=${encodeForQuery(formatContentDisposition(link.fileName, link.disposition))}`,
    `response-content-type=${encodeForQuery(link.contentType)}`,
  ]
}

/** A signature's date has no fractions, so neither has the time from which the link's life counts. */
function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}
