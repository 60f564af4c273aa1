import { Readable } from 'node:stream'

import type { FastifyReply, FastifyRequest } from 'fastify'
import parseRange from 'range-parser'

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

/** Sends a stored file itself, whole or the one range that was asked for, under headers that let no browser run it. */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: FileToSend): Promise<FastifyReply> {
  const { key, size } = file.bytes
  // A key is written once, so its name and length tell every version apart.
  const etag = `"${key.slice(key.lastIndexOf('_') + 1, key.lastIndexOf('.'))}-${size}"`
  if (isCurrent(request.headers['if-none-match'], etag))
    return reply.code(304).headers(headersOf(file, etag)).send(noBytes(request))

  const range = rangeOf(request, size, etag)
  if (range === 'unsatisfiable') {
    reply.headers({ 'accept-ranges': 'bytes', 'content-range': `bytes */${size}` })
    throw new AppError('range_not_satisfiable', `The file has ${size} bytes; the asked range begins past its end.`)
  }
  const content = noBytes(request) ?? (await file.bytes.read(range))
  // Not before the bytes are at hand: a refusal under the file's name would be saved as that file.
  reply.headers(headersOf(file, etag)).type(file.contentType)
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`)
  reply.header('content-length', range === undefined ? size : range.end - range.start + 1)
  return reply.send(content)
}

/** What HEAD sends of a file. The framework takes no stream at all for one of no bytes, and would say so in Content-Length. */
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

function isCurrent(ifNoneMatch: string | undefined, etag: string): boolean {
  return (
    ifNoneMatch !== undefined && ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
  )
}

/** Several ranges, a malformed one, or one of an older file (`If-Range`) are answered with the whole file, as RFC 9110 allows. */
function rangeOf(
  request: FastifyRequest,
  size: number,
  etag: string,
): Required<ByteRange> | 'unsatisfiable' | undefined {
  const { range: asked, 'if-range': ifRange } = request.headers
  if (asked === undefined || (ifRange !== undefined && ifRange !== etag)) return undefined
  const parsed = parseRange(size, asked)
  if (parsed === -1) return 'unsatisfiable'
  if (parsed === -2 || parsed.type !== 'bytes' || parsed.length !== 1) return undefined
  return parsed[0]
}
