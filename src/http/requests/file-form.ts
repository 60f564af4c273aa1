import type { IncomingMessage } from 'node:http'
import { finished, type Readable, Transform } from 'node:stream'
import { callbackify } from 'node:util'

import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { IncomingUpload } from '../../documents/upload/upload.ts'
import { AppError, type ErrorCode } from '../../errors/app-error.ts'
import { watchSilence } from '../connection/connections.ts'

/** Lets a route read a form with one file in it; `openForm` does. */
export async function acceptForms(server: FastifyInstance, maxUploadBytes: number): Promise<void> {
  await server.register(multipart, {
    limits: { files: 1, fields: 5, parts: 6, fileSize: maxUploadBytes + 1, fieldSize: 1024, headerPairs: 50 },
    throwFileSizeLimit: false,
  })
}

/** What a form may hold besides its file: boundaries, the headers of its parts, a few small fields, what came together with the file's beginning. */
const maxBytesBesidesFile = 256 * 1024

type FormFile = { fileName: string | undefined; declaredType: string | undefined; bytes: Readable }

/**
 * Reads a form up to its file. The file's bytes end only once the form has ended as it should, with nothing more in it
 * than allowed: whoever has read them all knows that the whole was sound. What is wrong with a form is `bad_request`;
 * no file in the field `file`, `validation_failed`.
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
  const { promise: refused, reject: refuse } = Promise.withResolvers<never>()
  refused.catch(() => undefined) // nobody may be waiting
  signal.addEventListener('abort', () => refuse(signal.reason), { once: true })

  // Begins the reading; from here on its bytes can be counted as well.
  const first = parts.next()
  const besidesFile = limitBesidesFile(request.raw, refuse)

  async function nextFile(next: Promise<IteratorResult<Multipart, unknown>>): Promise<MultipartFile | undefined> {
    for (let part = next; ; part = parts.next()) {
      const { done, value } = await Promise.race([part, refused]).catch((error: unknown) => {
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
    if (part !== undefined) besidesFile.except(part.file)
    return part
  }
  const untilEnd = async () => {
    if ((await nextFile(parts.next())) !== undefined) throw new AppError('bad_request', 'Send one file at a time.')
  }
  return { untilFile, untilEnd }
}

/** Bytes are counted where they come, since what follows a file is parsed without waiting for the file's reader. */
function limitBesidesFile(body: IncomingMessage, refuse: (reason: AppError) => void) {
  let bytes = 0
  let file: MultipartFile['file'] | undefined
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    // A truncated file is too large, which whoever reads it will say.
    if (file?.truncated === true || bytes - (file?.bytesRead ?? 0) <= maxBytesBesidesFile) return
    const reason = new AppError('bad_request', 'The form is too long besides its file. Send one file in it.')
    body.unpipe()
    refuse(reason)
    file?.destroy(reason)
  })
  return {
    except(part: MultipartFile['file']) {
      file = part
    },
  }
}

/** The file's own stream tells neither of what is wrong behind it, nor in our words of what is wrong with itself. */
function untilEndOfForm(file: Readable, untilEnd: () => Promise<void>): Readable {
  const bytes = new Transform({
    // One piece at a time, as the file itself.
    readableHighWaterMark: 1,
    writableHighWaterMark: 1,
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush: callbackify(untilEnd),
  })
  // Whoever reads hears of it. One that refuses the file by its name never reads, and an error that nobody hears ends the process.
  bytes.on('error', () => undefined)
  finished(file, (error) => {
    if (error) bytes.destroy(refusalOf(error))
  })
  bytes.once('close', () => file.destroy())
  return file.pipe(bytes)
}

/** The parser's own words for a form that it cannot read are plain errors; the framework's have a status. */
function refusalOf(error: unknown): Error {
  if (error instanceof AppError || (error instanceof Error && 'statusCode' in error)) return error
  return new AppError('bad_request', 'The form is broken or was cut off before its end. Send it again.', {
    cause: error,
  })
}

/** Aborts when the client goes away before its answer is out, or sends nothing for longer than allowed. */
export function signalOfClient(
  request: FastifyRequest,
  reply: FastifyReply,
  { maxSilenceSeconds }: { maxSilenceSeconds: number },
): AbortSignal {
  const controller = new AbortController()
  const abort = (why: string) => controller.abort(new AppError('bad_request', why))
  const gone = () => {
    if (!reply.raw.writableFinished) abort('The upload was cut off before its end. Send it again.')
  }
  reply.raw.once('close', gone)
  request.raw.once('error', gone)
  // Whoever left while we asked for rights has closed already.
  if (request.raw.destroyed || reply.raw.closed) gone()

  const stop = watchSilence(request.raw, maxSilenceSeconds, () =>
    abort(
      `The upload stalled: nothing came for ${maxSilenceSeconds} seconds. Look at the connection and send it again.`,
    ),
  )
  // A body that nobody reads to its end neither ends nor closes.
  reply.raw.once('close', stop)
  return controller.signal
}

/** What every route that takes a file may refuse it with. */
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

type Wishes = { sha256?: string | undefined; idempotencyKey: string | undefined }

/** What every route that takes a file hands to its verb; the body is read when that asks for it. */
export function readUploadRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  needs: { maxSilenceSeconds: number },
  { sha256, idempotencyKey }: Wishes,
): IncomingUpload {
  const signal = signalOfClient(request, reply, needs)
  const length = request.headers['content-length']
  return {
    async openFile() {
      const file = await openForm(request, signal)
      // Not before the answer: the parser would read on all that nobody wants any more.
      reply.raw.once('close', () => file.bytes.destroy())
      return file
    },
    declaredBytes: length === undefined ? undefined : Number(length),
    expectedSha256: sha256,
    idempotencyKey,
    signal,
  }
}
