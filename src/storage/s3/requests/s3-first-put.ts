import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'

import type { S3Client } from '@aws-sdk/client-s3'

import { logContext } from '../../../logging/spans.ts'
import type { Sha256, StorageKey } from '../../../vocabulary/vocabulary.ts'
import type { S3Timeouts } from './retrying-s3-client.ts'
import { readUrlFormat, type UrlFormat } from '../../links/s3-links.ts'
import { createS3Agents } from './s3-agents.ts'
import { sendChunkBytes, splitIntoChunks, writeChunk } from './s3-request-handler.ts'
import { createHeaderSigner, encodePath, type S3Identity } from '../../links/s3-signature.ts'

export type PutRequest = {
  key: StorageKey
  body: Buffer
  sha256: Sha256
  /** Headers that S3 stores with the object. Names are lower-case. */
  headers: Record<string, string>
  timeoutMs: number
  signal: AbortSignal | undefined
}

/** The shape of the SDK's answer. */
export type PutAnswer = {
  ETag?: string | undefined
  VersionId?: string | undefined
  $metadata: { attempts: number; requestId?: string | undefined }
}

/** `repeating`: the SDK's client for all retries. */
export type FirstPut = { put: (request: PutRequest) => Promise<PutAnswer>; close: () => void; repeating: S3Client }

type Needs = {
  client: S3Client
  repeating: S3Client
  bucket: string
  region: string
  maxConnections: number
  timeouts: S3Timeouts
}

/**
 * Makes the first attempt at a PUT from memory with our own request, because the SDK's overhead exceeds the cost of sending
 * 100 KB (decision 0033). Errors have the SDK's shape, and the SDK makes all retries by its own rules. An abort closes the
 * connection only while bytes are left to send, as in `S3RequestHandler`.
 */
export function openFirstPut({ client, repeating, bucket, region, maxConnections, timeouts }: Needs): FirstPut {
  const agents = createS3Agents({ maxConnections })
  let format: Promise<UrlFormat> | undefined
  // The SDK detects the offset of a wrong clock.
  const offsetMs = () => client.config.systemClockOffset || repeating.config.systemClockOffset
  const signedAt = () => new Date(Date.now() + offsetMs())
  let signer: { identity: S3Identity; sign: ReturnType<typeof createHeaderSigner> } | undefined

  return {
    async put({ key, body, sha256, headers, timeoutMs, signal }) {
      format ??= readUrlFormat(client, bucket)
      const { origin, host, pathPrefix } = await format.catch((error: unknown) => {
        format = undefined
        throw error
      })
      const identity = await client.config.credentials()
      if (signer?.identity !== identity) signer = { identity, sign: createHeaderSigner(identity, region) }
      signal?.throwIfAborted()

      const path = pathPrefix + encodePath(key)
      const signed = signer.sign({ method: 'PUT', path, headers: { ...headers, host }, sha256, signedAt: signedAt() })
      const isHttps = origin.startsWith('https:')
      const outgoing = (isHttps ? requestHttps : requestHttp)(`${origin}${path}`, {
        method: 'PUT',
        agent: isHttps ? agents.https : agents.http,
        headers: { ...signed, 'content-length': body.length, 'user-agent': userAgent() },
        setHost: false,
      })
      return answerOf(await send(outgoing, body, { ...timeouts, timeoutMs, signal }))
    },
    close() {
      agents.close()
      repeating.destroy()
    },
    repeating,
  }
}

/** Contains the id of the request or job, for S3's access log. */
function userAgent(): string {
  const { request_id: request, job_id: job } = logContext()
  const whose = job === undefined ? request && ` (request ${request})` : ` (job ${job})`
  return `paniq-documents${whose ?? ''}`
}

type Sending = Pick<S3Timeouts, 'connectMs' | 'idleMs'> & { timeoutMs: number; signal: AbortSignal | undefined }

type Answer = { response: IncomingMessage; xml: string }

/** Sends the request and reads the whole answer. Throws Node's errors and the signal's reason. */
async function send(
  outgoing: ClientRequest,
  body: Buffer,
  { connectMs, idleMs, timeoutMs, signal }: Sending,
): Promise<Answer> {
  const { promise: responded, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  // A request that waits for a connection emits no error when it is destroyed.
  const stop = (error: Error) => {
    outgoing.destroy(error)
    reject(error)
  }
  const giveUp = (what: string) => stop(Object.assign(new Error(what), { name: 'TimeoutError' }))
  const cut = () => {
    if (!outgoing.writableFinished) stop(asError(signal?.reason))
  }
  const timer = setTimeout(() => giveUp('S3 did not answer in time'), timeoutMs)
  outgoing.once('response', resolve).on('error', reject)
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return
    const connecting = setTimeout(() => giveUp('S3 took no connection in time'), connectMs)
    socket.once('connect', () => clearTimeout(connecting)).once('close', () => clearTimeout(connecting))
  })
  outgoing.setTimeout(idleMs, () => giveUp('S3 was silent'))
  signal?.addEventListener('abort', cut, { once: true })
  try {
    writeBody(outgoing, body).catch(reject)
    const response = await responded
    return { response, xml: await text(response) }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cut)
    // After an early answer the rest of the body must not be sent, so the connection cannot be reused.
    if (!outgoing.writableFinished) outgoing.destroy()
  }
}

/**
 * Writes a large body in chunks and waits for each, because TLS would otherwise encrypt all of it into uncounted memory.
 */
async function writeBody(outgoing: ClientRequest, body: Buffer): Promise<void> {
  if (body.length > sendChunkBytes)
    for await (const chunk of splitIntoChunks(body)) if ((await writeChunk(outgoing, chunk)) === 'gone') return
  outgoing.end(body.length > sendChunkBytes ? undefined : body)
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}

function answerOf({ response, xml }: Answer): PutAnswer {
  const { statusCode = 0, headers } = response
  const requestId = headerOf(headers['x-amz-request-id'])
  const isSuccess = statusCode >= 200 && statusCode < 300
  // Some stores send a success status and then an error.
  if (!isSuccess || xml.trimEnd().endsWith('</Error>'))
    throw failureOf(xml, { attempts: 1, requestId, httpStatusCode: isSuccess ? 503 : statusCode })
  const VersionId = headerOf(headers['x-amz-version-id'])
  return { ETag: headers.etag, ...(VersionId !== undefined && { VersionId }), $metadata: { attempts: 1, requestId } }
}

/** An error with the SDK's shape and its names for an answer without a code, which `s3FailureOf` reads. */
function failureOf(
  xml: string,
  $metadata: { attempts: number; requestId: string | undefined; httpStatusCode: number },
) {
  const Code = /<Code>([^<]{1,100})<\/Code>/.exec(xml)?.[1]
  const isOfS3 = xml === '' || /^<(\?xml|Error)/.test(xml.trimStart())
  const name = Code ?? (isOfS3 ? 'Unknown' : 'Error')
  const message = `S3 answered ${$metadata.httpStatusCode}`
  return Object.assign(new Error(message), { name, ...(Code !== undefined && { Code }), $metadata })
}

function headerOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0]
}

/** Failures that a retry may fix: the SDK's rules for a PUT. */
const transientStatuses = new Set([429, 500, 502, 503, 504])
const transientNames = new Set([
  'BandwidthLimitExceeded',
  'ConditionalRequestConflict',
  'RequestLimitExceeded',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  // A proxy may change a header that we sign and the SDK does not.
  'SignatureDoesNotMatch',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
])

/** The maximum delay before the next attempt, as in the SDK: longer for an overloaded store. */
export function maxRetryDelayMs(error: unknown): number {
  return error instanceof Error && /SlowDown|Throttl|TooMany|LimitExceeded/.test(error.name) ? 1000 : 50
}

export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { name, code, $metadata }: { name: string; code?: string; $metadata?: { httpStatusCode?: number } } = error
  const status = $metadata?.httpStatusCode
  if (status === undefined) return !(code?.startsWith('ERR_INVALID_') ?? false) && name !== 'CredentialsProviderError'
  return transientStatuses.has(status) || transientNames.has(name)
}
