import { sign } from 'node:crypto'

import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl, S3RequestPresigner } from '@aws-sdk/s3-request-presigner'

import type { CloudFrontConfig } from '../config-cloudfront.ts'
import type { S3Config } from '../config.ts'
import type { Clock, StorageKey } from '../vocabulary.ts'
import { contentDispositionOf } from './content-disposition-of.ts'
import { type DownloadLink, type LinkOptions, StoreError } from './file-store.ts'

type SignLink = (key: StorageKey, link: LinkOptions) => Promise<DownloadLink>
type Identity = { accessKeyId: string; secretAccessKey: string; sessionToken?: string; expiration?: Date }
type Needs = { config: S3Config; credentials: () => Promise<Identity>; now: Clock }

/** Clocks differ a little: a link ends this much before the credentials that signed it. */
const credentialMarginSeconds = 30

/** Signs links to `GetObject` locally. The SDK's middleware runs once, to learn the form of a URL. */
export function makeS3LinkSigner({ config, credentials, now }: Needs): SignLink {
  const client = linkClient(config, credentials)
  let form: Promise<UrlForm> | undefined
  let signer: { identity: Identity; presigner: S3RequestPresigner } | undefined

  return async (key, link) => {
    const identity = await requireIdentity(credentials)
    form ??= learnUrlForm(client, config.bucket)
    const { request, pathPrefix } = await form.catch((error: unknown) => {
      form = undefined
      throw error
    })
    if (signer?.identity !== identity)
      signer = { identity, presigner: new S3RequestPresigner({ ...client.config, credentials: identity }) }

    const signingDate = wholeSecond(now())
    const expiresIn = linkSeconds(link.seconds, identity.expiration, signingDate)
    const query = { ...request.query, ...forcedHeaders(link) }
    const signed = await signer.presigner.presign(
      { ...request, headers: {}, path: pathPrefix + encodePath(key), query },
      { signingDate, expiresIn },
    )
    return { url: urlOf(signed), expiresAt: new Date(signingDate.getTime() + expiresIn * 1000) }
  }
}

/** For the SDK's own URLs; its requests never leave the machine. */
function linkClient(config: S3Config, credentials: () => Promise<Identity>): S3Client {
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

async function requireIdentity(credentials: () => Promise<Identity>): Promise<Identity> {
  try {
    return await credentials()
  } catch (error) {
    throw new StoreError('unavailable', 'No credentials could be had to sign a link with.', error)
  }
}

type UrlForm = {
  request: {
    method: 'GET'
    protocol: string
    hostname: string
    port?: number
    query: Record<string, string>
  }
  pathPrefix: string
}

async function learnUrlForm(client: S3Client, bucket: string): Promise<UrlForm> {
  const sample = 'sample'
  const url = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: sample })))
  const fixed = [...url.searchParams].filter(([name]) => !name.startsWith('X-Amz-'))
  return {
    request: {
      method: 'GET',
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      query: Object.fromEntries(fixed),
    },
    pathPrefix: url.pathname.slice(0, -sample.length),
  }
}

function linkSeconds(wished: number, expiration: Date | undefined, signingDate: Date): number {
  if (expiration === undefined) return wished
  const left = Math.floor((expiration.getTime() - signingDate.getTime()) / 1000) - credentialMarginSeconds
  if (left < 1) throw new StoreError('unavailable', 'The credentials end too soon to sign a link with them.')
  return Math.min(wished, left)
}

type Signed = Awaited<ReturnType<S3RequestPresigner['presign']>>

function urlOf({ protocol, hostname, port, path, query = {} }: Signed): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  )
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}?${encodeQuery(pairs)}`
}

type CloudFrontNeeds = { config: CloudFrontConfig; now: Clock }

/** Signs CloudFront links with a canned policy. CloudFront derives the policy from the address, so each letter counts. */
export function makeCloudFrontSigner({ config, now }: CloudFrontNeeds) {
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

/** What a link makes S3 say of the bytes, whatever their object says of itself. */
function forcedHeaders(link: LinkOptions): Record<string, string> {
  return {
    'response-content-disposition': contentDispositionOf(link.fileName, link.disposition),
    'response-content-type': link.contentType,
  }
}

/** The platform's keys may hold any letter. */
function encodePath(key: string): string {
  return key.split('/').map(encode).join('/')
}

function encodeQuery(pairs: [name: string, value: string][]): string {
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
}

/** RFC 3986: S3 signs these five encoded, and browsers encode an apostrophe, which would break the signature. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** A signature's date has no fractions, so neither has the time from which the link's life counts. */
function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}
