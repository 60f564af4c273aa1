import { Readable } from 'node:stream'

import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { MiddlewareStack } from '@smithy/types'

import type { Sha256 } from '../../../vocabulary/vocabulary.ts'

type Request = Parameters<NodeHttpHandler['handle']>[0]
type Options = NonNullable<Parameters<NodeHttpHandler['handle']>[1]>
type Answer = Awaited<ReturnType<NodeHttpHandler['handle']>>

/** A body that can be sent again: each attempt opens its pieces anew. A piece is good until the next is asked for. */
type BodySource = { openChunks(): AsyncIterable<Uint8Array> }

/**
 * The SDK's handler with three promises more, for requests that have a body:
 * - a `BodySource` is opened at every attempt, so that the SDK may retry what it otherwise would not;
 * - an abort cuts the connection only while bytes are left to send. S3 keeps nothing of a body that it never got whole,
 *   and of one that it got, its answer is worth waiting for: it says what lies there now;
 * - an answer before the end of the body (a refusal) ends the request instead of leaving its socket half used.
 */
export class S3RequestHandler extends NodeHttpHandler {
  override async handle(request: Request, options: Options = {}): Promise<Answer> {
    const source = bodySourceOf(request.body)
    if (source === undefined) return super.handle(request, options)

    // The SDK's type also names a signal of old that nobody here makes.
    const signal = options.abortSignal as AbortSignal | undefined
    const body = new PiecewiseBody(source.openChunks())
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
      // Laid over the request instead of put into it, which the next attempt may find again.
      const sent: Request = Object.create(request, { body: { value: body } })
      const answer = await super.handle(sent, { ...options, abortSignal: attempt.signal })
      // The answer's own bytes are still to be read; only then may the request be ended.
      answer.response.body.once('close', release)
      return answer
    } catch (error) {
      release()
      throw body.errored ?? error
    }
  }
}

/** The SDK pipes this into its request. Each piece is written before the next is read, so that all share one memory. */
class PiecewiseBody extends Readable {
  /** Whether the last byte has left the process. */
  isSent = false
  readonly #pieces: AsyncIterable<Uint8Array>

  constructor(pieces: AsyncIterable<Uint8Array>) {
    super()
    this.#pieces = pieces
  }

  override pipe<Destination extends NodeJS.WritableStream>(destination: Destination): Destination {
    this.#send(destination).catch((error: unknown) =>
      this.destroy(error instanceof Error ? error : new Error('The body of a request failed.', { cause: error })),
    )
    return destination
  }

  async #send(destination: NodeJS.WritableStream): Promise<void> {
    for await (const piece of this.#pieces)
      if ((await writeChunk(destination, piece)) === 'gone' || this.destroyed) return
    this.isSent = true
    destination.end()
  }
}

/** Resolves when the piece has left this process, or its connection is gone: then nobody may answer for the piece. */
export function writeChunk(destination: NodeJS.WritableStream, piece: Uint8Array): Promise<'written' | 'gone'> {
  const { promise, resolve } = Promise.withResolvers<'written' | 'gone'>()
  const gone = () => resolve('gone')
  destination.once('close', gone)
  destination.write(piece, (error) => resolve(error ? 'gone' : 'written'))
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

// Large enough that a file of a few megabytes costs few writes, small enough that a cut comes soon.
export const sendChunkBytes = 256 * 1024

export async function* splitIntoChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += sendChunkBytes)
    yield bytes.subarray(start, start + sendChunkBytes)
}

/** Signs a command with a hash that is known already; otherwise the SDK would hash all bytes once more. */
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

/** Sets a body that is opened again for each attempt. It is set below the retries, which do not repeat streams. */
export function setBodySource(command: UploadPartCommand | PutObjectCommand, source: BodySource): void {
  // Both have the same stack in all but what the command itself says.
  const { middlewareStack } = command as UploadPartCommand
  middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) args.request.body = source
      return next(args)
    },
    { name: 'sendFrom', step: 'finalizeRequest', priority: 'low' },
  )
}

/** Whether what goes through the SDK's middleware is a request by now; its types say nothing of that. */
export function hasHeaders(request: unknown): request is { headers: Record<string, string>; body?: unknown } {
  return typeof request === 'object' && request !== null && 'headers' in request
}
