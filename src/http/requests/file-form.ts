import type { IncomingMessage } from 'node:http'
import { finished, type Readable, Transform } from 'node:stream'
import { callbackify } from 'node:util'

import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { IncomingUpload } from '../../documents/upload/upload.ts'
import { AppError, type ErrorCode } from '../../errors/app-error.ts'
import { watchSilence } from '../connection/unread-bodies-and-silence.ts'

/** Registers the parser of forms with one file, which `openForm` reads. */
export async function acceptForms(server: FastifyInstance, maxUploadBytes: number): Promise<void> {
  await server.register(multipart, {
    limits: { files: 1, fields: 5, parts: 6, fileSize: maxUploadBytes + 1, fieldSize: 1024, headerPairs: 50 },
    throwFileSizeLimit: false,
  })
}

/** Maximum size of a form without its file: boundaries, headers of its parts and a few small fields. */
const maxFormOverheadBytes = 256 * 1024

type FormFile = { fileName: string | undefined; declaredType: string | undefined; bytes: Readable }

/**
 * Reads a form up to its file. The file's stream ends only after the form has ended correctly: its end means that the
 * whole form was valid. Throws `bad_request` for a broken form, `validation_failed` without a file in the field `file`.
 */
export async function openForm(request: FastifyRequest, signal: AbortSignal): Promise<FormFile> {
  signal.throwIfAborted()
  const form = readForm(request, signal)
  const file = await form.untilFile()
  if (file?.fieldname !== 'file') {
    const message = 'Send the file in a multipart field named "file", for example with: curl -F file=@licence.pdf'
    throw new AppError('validation_failed', message, { fields: [{ field: 'file', message }] })
  }
  return { fileName: file.filename, declaredType: file.mimetype, bytes: untilEndOfForm(file.file, form.untilEnd) }
}

function readForm(request: FastifyRequest, signal: AbortSignal) {
  const parts = request.parts()
  const { promise: rejected, reject } = Promise.withResolvers<never>()
  rejected.catch(() => undefined) // it may have no other handler
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })

  // Starts the parser; the count of the bytes must start in the same turn.
  const first = parts.next()
  const overhead = limitFormOverhead(request.raw, reject)

  async function nextFile(next: Promise<IteratorResult<Multipart, unknown>>): Promise<MultipartFile | undefined> {
    for (let part = next; ; part = parts.next()) {
      const { done, value } = await Promise.race([part, rejected]).catch((error: unknown) => {
        throw refusalOf(error)
      })
      if (done === true) return undefined
      if (value.type === 'file') return value
      if (value.valueTruncated)
        throw new AppError('bad_request', 'A field of the form is too long. Send one file in a field named "file".')
    }
  }
  const untilFile = async () => {
    const part = await nextFile(first)
    if (part !== undefined) overhead.exclude(part.file)
    return part
  }
  const untilEnd = async () => {
    if ((await nextFile(parts.next())) !== undefined) throw new AppError('bad_request', 'Send one file at a time.')
  }
  return { untilFile, untilEnd }
}

/** Counts the received bytes: the parser reads on behind a file without waiting for the file's reader. */
function limitFormOverhead(body: IncomingMessage, reject: (reason: AppError) => void) {
  let bytes = 0
  let file: MultipartFile['file'] | undefined
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    // A truncated file is too large; its reader reports that.
    if (file?.truncated === true || bytes - (file?.bytesRead ?? 0) <= maxFormOverheadBytes) return
    const reason = new AppError('bad_request', 'The form has too much data besides its file. Send one file in it.')
    body.unpipe()
    reject(reason)
    file?.destroy(reason)
  })
  return {
    exclude(part: MultipartFile['file']) {
      file = part
    },
  }
}

/** The parser's stream does not report errors behind the file, and reports its own errors as plain ones. */
function untilEndOfForm(file: Readable, untilEnd: () => Promise<void>): Readable {
  const bytes = new Transform({
    // One chunk at a time, as the file itself.
    readableHighWaterMark: 1,
    writableHighWaterMark: 1,
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush: callbackify(untilEnd),
  })
  // The reader gets the error. A rejected file name has no reader, and an unhandled error would end the process.
  bytes.on('error', () => undefined)
  finished(file, (error) => {
    if (error) bytes.destroy(refusalOf(error))
  })
  bytes.once('close', () => file.destroy())
  return file.pipe(bytes)
}

/** The parser throws plain errors for a broken form; Fastify's errors have a status. */
function refusalOf(error: unknown): Error {
  if (error instanceof AppError || (error instanceof Error && 'statusCode' in error)) return error
  return new AppError('bad_request', 'The form is broken or incomplete. Send it again.', {
    cause: error,
  })
}

/** Aborts if the client leaves before its response, or sends nothing for `maxSilenceSeconds`. */
export function signalOfClient(
  request: FastifyRequest,
  reply: FastifyReply,
  { maxSilenceSeconds }: { maxSilenceSeconds: number },
): AbortSignal {
  const controller = new AbortController()
  const abort = (message: string) => controller.abort(new AppError('bad_request', message))
  const onClose = () => {
    if (!reply.raw.writableFinished) abort('The upload ended early. Send it again.')
  }
  reply.raw.once('close', onClose)
  request.raw.once('error', onClose)
  // The client may have left while the service checked its rights.
  if (request.raw.destroyed || reply.raw.closed) onClose()

  const stop = watchSilence(request.raw, maxSilenceSeconds, () =>
    abort(`The upload stalled: no data for ${maxSilenceSeconds} seconds. Check the connection and send it again.`),
  )
  // An unread body neither ends nor closes.
  reply.raw.once('close', stop)
  return controller.signal
}

/** The error codes of every route that receives a file. */
export const uploadErrors = [
  'bad_request',
  'conflict',
  'too_large',
  'unsupported_type',
  'empty_file',
  'infected',
  'quota_exceeded',
  'store_unavailable',
] as const satisfies ErrorCode[]

type UploadOptions = { sha256?: string | undefined; idempotencyKey: string | undefined }

/** The part of an upload that every route has. The use case reads the body with `openFile`. */
export function readUploadRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  needs: { maxSilenceSeconds: number },
  { sha256, idempotencyKey }: UploadOptions,
): IncomingUpload {
  const signal = signalOfClient(request, reply, needs)
  const length = request.headers['content-length']
  return {
    async openFile() {
      const file = await openForm(request, signal)
      // After the response, the parser would read the rest of the body for nothing.
      reply.raw.once('close', () => file.bytes.destroy())
      return file
    },
    declaredBytes: length === undefined ? undefined : Number(length),
    expectedSha256: sha256,
    idempotencyKey,
    signal,
  }
}
