import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { IncomingUpload } from '../../documents/upload/upload.ts'
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
    signal,
  }
}
