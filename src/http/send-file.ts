import type { FastifyReply, FastifyRequest } from 'fastify'
import parseRange from 'range-parser'

import { answerToStoreFailure } from '../documents/stores.ts'
import { AppError } from '../errors.ts'
import { contentDispositionOf } from '../storage/content-disposition-of.ts'
import type { ByteRange, FileStore } from '../storage/file-store.ts'
import type { StorageKey } from '../vocabulary.ts'

export type FileToSend = {
  store: FileStore
  key: StorageKey
  fileName: string
  contentType: string
  disposition: 'attachment' | 'inline'
}

/** Sends a stored file itself, whole or the one range that was asked for, under headers that let no browser run it. */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: FileToSend): Promise<FastifyReply> {
  try {
    return await send(request, reply, file)
  } catch (error) {
    throw answerToStoreFailure(error)
  }
}

async function send(request: FastifyRequest, reply: FastifyReply, file: FileToSend): Promise<FastifyReply> {
  const stat = await file.store.stat(file.key)
  if (stat === undefined)
    throw new AppError('gone', 'The bytes of this document are not where they should be. The operator has been told.')
  // A key is written once, so its name and length tell every version apart.
  const etag = `"${file.key.slice(file.key.lastIndexOf('_') + 1, file.key.lastIndexOf('.'))}-${stat.size}"`
  if (isCurrent(request.headers['if-none-match'], etag)) return reply.code(304).headers(headersOf(file, etag)).send()

  const range = rangeOf(request, stat.size, etag)
  if (range === 'unsatisfiable') {
    reply.headers({ 'accept-ranges': 'bytes', 'content-range': `bytes */${stat.size}` })
    throw new AppError('range_not_satisfiable', `The file has ${stat.size} bytes; the asked range begins past its end.`)
  }
  const bytes = request.method === 'HEAD' ? undefined : await file.store.read(file.key, range)
  // Not before the bytes are at hand: a refusal under the file's name would be saved as that file.
  reply.headers(headersOf(file, etag)).type(file.contentType)
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${stat.size}`)
  reply.header('content-length', range === undefined ? stat.size : range.end - range.start + 1)
  return reply.send(bytes)
}

function headersOf(file: FileToSend, etag: string): Record<string, string> {
  return {
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'content-disposition': contentDispositionOf(file.fileName, file.disposition),
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
