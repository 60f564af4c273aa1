import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'

import type { IncomingUpload } from '../../documents/upload/upload.ts'
import { AppError } from '../../errors/app-error.ts'
import { freeBytes } from '../../files/file-system.ts'
import { signalOfClient } from './file-form.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is a file, which the route reads as a stream. */
    isRawFile?: true
  }
}

/** In the server's routes a body of any type stays unread, for `readRawUpload`. Call it in a plugin of these routes alone. */
export function acceptRawFiles(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _body, done) => done(null))
}

type RawOptions = { fileName: string; sha256: string | undefined; idempotencyKey: string | undefined }

/** An upload whose body is the file, as `curl -T` sends it. The use case reads it with `openFile`. */
export function readRawUpload(
  request: FastifyRequest,
  reply: FastifyReply,
  needs: { maxSilenceSeconds: number },
  { fileName, sha256, idempotencyKey }: RawOptions,
): IncomingUpload {
  const signal = signalOfClient(request, reply, needs)
  const { 'content-length': length, 'content-type': declaredType } = request.headers
  return {
    openFile: async () => ({ bytes: request.raw, fileName, declaredType }),
    declaredBytes: length === undefined ? undefined : Number(length),
    expectedSha256: sha256,
    idempotencyKey,
    nameField: 'file_name',
    signal,
  }
}

/**
 * Reads a body with every byte that arrived before the client left: an iteration of the stream would drop those in its
 * buffer. On an abort it ends the body, and throws the signal's reason behind its last byte. A chunk is valid until the
 * next one is asked for.
 */
export async function* readUntilBroken(body: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  let changed = Promise.withResolvers<void>()
  const onEvent = () => changed.resolve()
  const onAbort = () => {
    body.destroy()
    changed.resolve()
  }
  const events = ['readable', 'end', 'close', 'error']
  for (const event of events) body.on(event, onEvent)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    for (;;) {
      // Set before the buffer is read, so that no event in between is missed.
      changed = Promise.withResolvers<void>()
      const chunk: Buffer | null = body.read()
      if (chunk !== null) {
        yield chunk
        freeBytes(chunk)
      } else if (body.readableEnded) return
      else if (body.destroyed) break
      else await changed.promise
    }
    signal.throwIfAborted()
    throw new AppError('bad_request', 'The upload ended early. Send it again.', { cause: body.errored })
  } finally {
    for (const event of events) body.off(event, onEvent)
    signal.removeEventListener('abort', onAbort)
  }
}
