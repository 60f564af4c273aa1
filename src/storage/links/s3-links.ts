import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

import type { S3Config } from '../../config/load-config.ts'
import type { Clock, StorageKey } from '../../vocabulary/vocabulary.ts'
import { formatContentDisposition } from './content-disposition.ts'
import { type DownloadLink, type LinkOptions, StoreError } from '../file-store.ts'
import { createQuerySigner, encodeForQuery, encodePath, type S3Identity } from './s3-signature.ts'

type SignLink = (key: StorageKey, link: LinkOptions) => Promise<DownloadLink>
type Needs = { config: S3Config; credentials: () => Promise<S3Identity>; now: Clock }

/** A link expires this much before its credentials, because clocks differ. */
const credentialMarginSeconds = 30

/** Signs links to `GetObject` locally. The SDK runs once, to show the format of its URLs. */
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
    const signed = signer.sign({ host, path, query: [...query, ...responseHeaderPairs(link)] }, { signedAt, seconds })
    return { url: `${origin}${path}?${signed}`, expiresAt: new Date(signedAt.getTime() + seconds * 1000) }
  }
}

/** Creates the SDK's URLs. It sends no request. */
function linkClient(config: S3Config, credentials: () => Promise<S3Identity>): S3Client {
  return new S3Client({
    region: config.region,
    ...(config.publicEndpoint === undefined ? {} : { endpoint: config.publicEndpoint }),
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle: config.forcePathStyle,
    credentials,
    // A browser does not use checksums. They would only lengthen each link.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

async function requireIdentity(credentials: () => Promise<S3Identity>): Promise<S3Identity> {
  try {
    return await credentials()
  } catch (error) {
    throw new StoreError('unavailable', 'no credentials to sign a link', error)
  }
}

/** How the SDK addresses an object, without its key. `query`: the pairs that are in every link. */
export type UrlFormat = { origin: string; host: string; pathPrefix: string; query: string[] }

/** Reads the format from a URL of the SDK. Sends no request. */
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

/** Query pairs that make S3 answer with these headers instead of the object's own. */
export function responseHeaderPairs(link: LinkOptions): string[] {
  return [
    `response-content-disposition=${encodeForQuery(formatContentDisposition(link.fileName, link.disposition))}`,
    `response-content-type=${encodeForQuery(link.contentType)}`,
  ]
}

/** A signature's date has whole seconds, and the link's lifetime counts from it. */
export function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}
