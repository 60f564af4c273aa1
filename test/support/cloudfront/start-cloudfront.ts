import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { GetObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

import behavior from '../../../deploy/cloudfront/behavior.json' with { type: 'json' }
import bucketPolicy from '../../../deploy/cloudfront/bucket-policy.json' with { type: 'json' }
import cachePolicy from '../../../deploy/cloudfront/cache-policy.json' with { type: 'json' }
import responseHeaders from '../../../deploy/cloudfront/response-headers-policy.json' with { type: 'json' }
import type { FreshBucket } from '../s3/fresh-bucket.ts'
import { judgeAddress } from './judge-address.ts'

export type CloudFront = {
  domain: string
  /** The settings with which a service signs links for it, with a key of either kind. */
  settings: Record<KeyKind, Record<string, string>>
  /** Follows a link like a browser; the name of the distribution resolves to this machine. */
  fetch(link: string, init?: RequestInit): Promise<Response>
  /** The requested addresses, as they arrived. */
  asked: string[]
  /** Uses this clock from now on. */
  setClock(now: () => Date): void
  close(): Promise<void>
}

export type KeyKind = 'RSA' | 'ECDSA'

const domain = 'd111111abcdef8.cloudfront.net'

/**
 * A simulation of a CloudFront distribution in front of a bucket, configured by deploy/cloudfront: requests without a
 * valid signature are denied, the parameters in the policies are forwarded to S3, and the headers in the policies are
 * added to answers. It caches nothing.
 */
export async function startCloudFront(bucket: FreshBucket): Promise<CloudFront> {
  const pairs = {
    RSA: { id: 'KRSA0000000001', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) },
    ECDSA: { id: 'KECDSA00000001', ...generateKeyPairSync('ec', { namedCurve: 'prime256v1' }) },
  }
  const keys = new Map(Object.values(pairs).map(({ id, publicKey }) => [id, publicKey]))
  const asked: string[] = []
  let now = machinesClock

  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const judged = judgeAddress(`https://${domain}${request.url}`, keys, now())
    const answering = 'refusal' in judged ? refuse(response, judged.refusal) : passOn(bucket, judged, request, response)
    answering.catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // the address of a TCP listener
  const { port } = server.address() as AddressInfo

  const settingsOf = ({ id, privateKey }: (typeof pairs)[KeyKind]) => ({
    CLOUDFRONT_DOMAIN: domain,
    CLOUDFRONT_KEY_PAIR_ID: id,
    CLOUDFRONT_PRIVATE_KEY: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  })
  return {
    domain,
    settings: { RSA: settingsOf(pairs.RSA), ECDSA: settingsOf(pairs.ECDSA) },
    asked,
    setClock: (clock) => void (now = clock),
    async fetch(link, init) {
      const { origin, pathname, search } = new URL(link)
      if (origin !== `https://${domain}`) throw new Error(`This link does not lead to ${domain}.`)
      return fetch(`http://127.0.0.1:${port}${pathname}${search}`, init)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function machinesClock(): Date {
  return new Date()
}

async function refuse(response: ServerResponse, code: string): Promise<void> {
  response.writeHead(403, { 'content-type': 'text/xml' }).end(`<Error><Code>${code}</Code></Error>`)
}

type Passed = { path: string; query: [string, string][] }

async function passOn(
  bucket: FreshBucket,
  { path, query }: Passed,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const key = decodeURIComponent(path.slice(1))
  if (!behavior.AllowedMethods.Items.includes(method ?? '')) return refuse(response, 'MethodNotAllowed')
  if (!mayRead(key)) return refuse(response, 'AccessDenied')

  const named = new Set(cachePolicy.ParametersInCacheKeyAndForwardedToOrigin.QueryStringsConfig.QueryStrings.Items)
  const asked = new Map(query.filter(([name]) => named.has(name)))
  const command = new GetObjectCommand({
    Bucket: bucket.name,
    Key: key,
    ResponseContentType: asked.get('response-content-type'),
    ResponseContentDisposition: asked.get('response-content-disposition'),
  })
  const { range } = headers
  const answer = await fetch(await getSignedUrl(bucket.client, command), {
    headers: range === undefined ? {} : { range },
  })
  const body = Buffer.from(await answer.arrayBuffer())
  const own = Object.fromEntries(
    [...answer.headers].filter(([name]) => !/^(?:connection|keep-alive|transfer-encoding)$/.test(name)),
  )
  response.writeHead(answer.status, { ...own, ...added() }).end(method === 'HEAD' ? undefined : body)
}

/** The origin access control signs the request to S3. */
function mayRead(key: string): boolean {
  const readable = bucketPolicy.Statement.map(({ Resource }) => Resource.replace('arn:aws:s3:::BUCKET/', ''))
  return readable.some((pattern) => key.startsWith(pattern.replace(/\*$/, '')))
}

function added(): Record<string, string> {
  const { SecurityHeadersConfig: security, CustomHeadersConfig: custom } = responseHeaders
  return {
    ...(security.ContentTypeOptions.Override && { 'x-content-type-options': 'nosniff' }),
    'content-security-policy': security.ContentSecurityPolicy.ContentSecurityPolicy,
    'x-frame-options': security.FrameOptions.FrameOption,
    'referrer-policy': security.ReferrerPolicy.ReferrerPolicy,
    ...Object.fromEntries(custom.Items.map(({ Header, Value }) => [Header.toLowerCase(), Value])),
  }
}
