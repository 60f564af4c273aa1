import { Readable } from 'node:stream'

import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { MiddlewareStack } from '@smithy/types'

import type { Sha256 } from '../../../vocabulary/vocabulary.ts'

type Request = Parameters<NodeHttpHandler['handle']>[0]
type Options = NonNullable<Parameters<NodeHttpHandler['handle']>[1]>
type Answer = Awaited<ReturnType<NodeHttpHandler['handle']>>

/** A body that can be sent again: each attempt opens its chunks. A chunk is valid until the next is requested. */
type BodySource = { openChunks(): AsyncIterable<Uint8Array> }

/**
 * The SDK's handler with three more promises for requests with a body:
 * - A `BodySource` is opened for every attempt, so that the SDK can retry a streamed body.
 * - An abort closes the connection only while bytes are left to send. S3 stores nothing of an incomplete body. After a
 *   complete one, only the answer shows whether the object exists.
 * - An answer before the end of the body (a rejection) ends the request instead of leaving the socket half used.
 */
export class S3RequestHandler extends NodeHttpHandler {
  override async handle(request: Request, options: Options = {}): Promise<Answer> {
    const source = bodySourceOf(request.body)
    if (source === undefined) return super.handle(request, options)

    // The SDK's type also allows an old kind of signal, which is not used here.
    const signal = options.abortSignal as AbortSignal | undefined
    const body = new ChunkedBody(source.openChunks())
    const attempt = new AbortController()
    const cut = () => {
      if (!body.isSent) attempt.abort()
    }
    const release = () => {
      cut()
      body.destroy()
      signal?.removeEventListener('abort', cut)
    }
    body.once('error', () => attempt.abort())
    if (signal?.aborted) cut()
    signal?.addEventListener('abort', cut)

    try {
      // A derived object, because the next attempt may use the same request.
      const sent: Request = Object.create(request, { body: { value: body } })
      const answer = await super.handle(sent, { ...options, abortSignal: attempt.signal })
      // The request may end only after the answer's body was read.
      answer.response.body.once('close', release)
      return answer
    } catch (error) {
      release()
      throw body.errored ?? error
    }
  }
}

/** The SDK pipes this into its request. Each chunk is written before the next is read, so that all can share one buffer. */
class ChunkedBody extends Readable {
  /** Whether the last byte has left the process. */
  isSent = false
  readonly #chunks: AsyncIterable<Uint8Array>

  constructor(chunks: AsyncIterable<Uint8Array>) {
    super()
    this.#chunks = chunks
  }

  override pipe<Destination extends NodeJS.WritableStream>(destination: Destination): Destination {
    this.#send(destination).catch((error: unknown) =>
      this.destroy(error instanceof Error ? error : new Error('The body of a request failed.', { cause: error })),
    )
    return destination
  }

  async #send(destination: NodeJS.WritableStream): Promise<void> {
    for await (const piece of this.#chunks)
      if ((await writeChunk(destination, piece)) === 'gone' || this.destroyed) return
    this.isSent = true
    destination.end()
  }
}

/** Resolves when the chunk has left this process or the connection has closed. */
export function writeChunk(destination: NodeJS.WritableStream, chunk: Uint8Array): Promise<'written' | 'gone'> {
  const { promise, resolve } = Promise.withResolvers<'written' | 'gone'>()
  const gone = () => resolve('gone')
  destination.once('close', gone)
  destination.write(chunk, (error) => resolve(error ? 'gone' : 'written'))
  return promise.finally(() => destination.off('close', gone))
}

function bodySourceOf(body: unknown): BodySource | undefined {
  if (isBodySource(body)) return body
  if (body instanceof Uint8Array && body.byteLength > 0) return { openChunks: () => splitIntoChunks(body) }
  return undefined
}

function isBodySource(body: unknown): body is BodySource {
  return typeof body === 'object' && body !== null && 'openChunks' in body
}

// Large enough that a file of a few megabytes needs few writes, small enough that an abort takes effect soon.
export const sendChunkBytes = 256 * 1024

export async function* splitIntoChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += sendChunkBytes)
    yield bytes.subarray(start, start + sendChunkBytes)
}

/** Signs a command with a known hash. Otherwise the SDK would hash the body again. */
export function presetPayloadHash<Input extends object, Output extends object>(
  command: { middlewareStack: MiddlewareStack<Input, Output> },
  sha256: Sha256,
): void {
  command.middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) args.request.headers['x-amz-content-sha256'] = sha256
      return next(args)
    },
    { name: 'presetPayloadHash', step: 'build' },
  )
}

/** Sets a body that is opened for each attempt. It is set below the SDK's retries, which do not repeat streams. */
export function setBodySource(command: UploadPartCommand | PutObjectCommand, source: BodySource): void {
  // The stacks of both differ only in their input types.
  const { middlewareStack } = command as UploadPartCommand
  middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) args.request.body = source
      return next(args)
    },
    { name: 'sendFrom', step: 'finalizeRequest', priority: 'low' },
  )
}

/** Whether the value in the SDK's middleware is already an HTTP request, which its types do not say. */
export function hasHeaders(request: unknown): request is { headers: Record<string, string>; body?: unknown } {
  return typeof request === 'object' && request !== null && 'headers' in request
}
