import { Readable } from 'node:stream'

import { NodeHttpHandler } from '@smithy/node-http-handler'

type Request = Parameters<NodeHttpHandler['handle']>[0]
type Options = NonNullable<Parameters<NodeHttpHandler['handle']>[1]>
type Answer = Awaited<ReturnType<NodeHttpHandler['handle']>>

/** A body that can be sent again: each attempt opens a stream of its own. */
export type BodySource = { openBody(): Readable }

// Large enough that a file of a few megabytes costs few writes, small enough that a cut comes soon.
const pieceBytes = 256 * 1024

/**
 * The SDK's handler with three promises more, for requests that have a body:
 * - a `BodySource` gets a fresh stream at every attempt, so that the SDK may retry what it otherwise would not;
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
    const body = source.openBody()
    const attempt = new AbortController()
    const cut = () => {
      if (!body.readableEnded) attempt.abort()
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

function bodySourceOf(body: unknown): BodySource | undefined {
  if (isBodySource(body)) return body
  if (body instanceof Uint8Array && body.byteLength > 0) return { openBody: () => Readable.from(piecesOf(body)) }
  return undefined
}

function isBodySource(body: unknown): body is BodySource {
  return typeof body === 'object' && body !== null && 'openBody' in body
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes)
}
