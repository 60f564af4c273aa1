import { Readable } from 'node:stream'

import type { FastifyReply, FastifyRequest } from 'fastify'
import parseRange from 'range-parser'

import { WrongBytes } from '../../documents/download/check-while-sending.ts'
import type { OpenedBlob } from '../../documents/download/open-stored-file.ts'
import { AppError } from '../../errors/app-error.ts'
import { formatContentDisposition } from '../../storage/links/content-disposition.ts'
import type { ByteRange } from '../../storage/file-store.ts'

export type FileToSend = {
  bytes: OpenedBlob
  fileName: string
  contentType: string
  disposition: 'attachment' | 'inline'
}

/** Sends a stored file or one range of it, with headers that keep a browser from running it. */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: FileToSend): Promise<FastifyReply> {
  const { key, size } = file.bytes
  // A key is written once, so its name and size identify a version.
  const etag = `"${key.slice(key.lastIndexOf('_') + 1, key.lastIndexOf('.'))}-${size}"`
  if (isCurrent(request.headers['if-none-match'], etag))
    return reply.code(304).headers(headersOf(file, etag)).send(noBytes(request))

  const range = rangeOf(request, size, etag)
  if (range === 'unsatisfiable') {
    reply.headers({ 'accept-ranges': 'bytes', 'content-range': `bytes */${size}` })
    throw new AppError('range_not_satisfiable', `The file has ${size} bytes; the requested range starts after its end.`)
  }
  const content = noBytes(request) ?? (await file.bytes.read(range))
  // Set only after the file is open: a browser would save an error response under the file's name.
  reply.headers(headersOf(file, etag)).type(file.contentType)
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`)
  reply.header('content-length', range === undefined ? size : range.end - range.start + 1)
  content.once('error', (error) => {
    // Also before the first byte: no answer may follow the headers of a file.
    if (error instanceof WrongBytes) request.raw.socket.destroy()
  })
  return reply.send(content)
}

/** Sends an archive while it is read; undefined: its headers alone, for HEAD. An error breaks the connection, so that nobody takes a part for the whole. */
export function sendArchive(
  request: FastifyRequest,
  reply: FastifyReply,
  { fileName, content }: { fileName: string; content: Readable | undefined },
): FastifyReply {
  reply.type('application/zip').headers({
    'cache-control': 'private, no-store',
    'content-disposition': formatContentDisposition(fileName, 'attachment'),
    'referrer-policy': 'no-referrer',
  })
  content?.once('error', () => request.raw.socket.destroy())
  return reply.send(content ?? noBytes(request))
}

/** The body for HEAD. Without a stream Fastify would set Content-Length to 0. */
function noBytes(request: FastifyRequest): Readable | undefined {
  return request.method === 'HEAD' ? Readable.from([]) : undefined
}

function headersOf(file: FileToSend, etag: string): Record<string, string> {
  return {
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'content-disposition': formatContentDisposition(file.fileName, file.disposition),
    'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
}

/** Whether the client has this version already. */
export function isCurrent(ifNoneMatch: string | undefined, etag: string): boolean {
  return (
    ifNoneMatch !== undefined && ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
  )
}

/** Undefined: send the whole file, as RFC 9110 allows for several ranges, a malformed one, or an outdated `If-Range`. */
function rangeOf(
  request: FastifyRequest,
  size: number,
  etag: string,
): Required<ByteRange> | 'unsatisfiable' | undefined {
  const { range: requested, 'if-range': ifRange } = request.headers
  if (requested === undefined || (ifRange !== undefined && ifRange !== etag)) return undefined
  const parsed = parseRange(size, requested)
  if (parsed === -1) return 'unsatisfiable'
  if (parsed === -2 || parsed.type !== 'bytes' || parsed.length !== 1) return undefined
  return parsed[0]
}

/** Whether a client asks for a link in place of the file. */
export function wantsLink(request: FastifyRequest): boolean {
  const accepted = (request.headers.accept ?? '*/*').split(',')
  const kinds = new Set(accepted.map((kind) => (kind.split(';')[0] ?? '').trim().toLowerCase()))
  return kinds.has('application/json') && !kinds.has('*/*')
}
