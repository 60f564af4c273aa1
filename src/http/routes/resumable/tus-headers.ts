import type { FastifyReply, FastifyRequest } from 'fastify'

import type { UploadToBegin } from '../../../documents/resumable/begin-upload.ts'
import type { UploadState } from '../../../documents/resumable/upload-offset.ts'
import { metadataShape } from '../../../contract/resumable-uploads.ts'
import { AppError } from '../../../errors/app-error.ts'
import type { DocumentId, FirmId } from '../../../vocabulary/vocabulary.ts'

export const tusVersion = '1.0.0'

/** The content type of every piece. */
export const pieceType = 'application/offset+octet-stream'

const maxMetadataCharacters = 8192

/** Throws `precondition_failed` for another version of the protocol, or none. */
export function requireTusVersion(request: FastifyRequest, reply: FastifyReply): void {
  if (headerOf(request, 'tus-resumable') === tusVersion) return
  reply.header('tus-version', tusVersion)
  throw new AppError('precondition_failed', `Send the header "Tus-Resumable: ${tusVersion}".`)
}

export function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

/** A number of bytes. Throws `bad_request` for anything else. */
export function requireBytes(request: FastifyRequest, name: 'upload-length' | 'upload-offset'): number {
  const text = headerOf(request, name) ?? ''
  const bytes = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(bytes))
    throw new AppError('bad_request', `Send the header "${name}" with a number of bytes.`)
  return bytes
}

/** Reads the headers of a new upload. Throws `bad_request`, and `validation_failed` for the metadata. */
export function readNewUpload(request: FastifyRequest, firmId: FirmId): UploadToBegin {
  if (headerOf(request, 'upload-defer-length') !== undefined || headerOf(request, 'upload-concat') !== undefined)
    throw new AppError('bad_request', 'Send the whole length of one file as "Upload-Length".')
  const totalBytes = requireBytes(request, 'upload-length')
  const metadata = headerOf(request, 'upload-metadata') ?? ''
  const values = parseMetadata(metadata)
  const checked = metadataShape.safeParse(Object.fromEntries(values))
  if (!checked.success) throw invalid(checked.error.issues)
  const { target, filename, filetype, sha256, idempotency_key: idempotencyKey } = checked.data
  return {
    firmId,
    totalBytes,
    metadata,
    // A uuid, as the schema checks.
    target: 'documentId' in target ? { documentId: target.documentId as DocumentId } : target,
    fileName: filename,
    declaredType: filetype,
    expectedSha256: sha256,
    idempotencyKey,
  }
}

function invalid(issues: readonly { path: PropertyKey[]; message: string }[]): AppError {
  const fields = issues.map(({ path, message }) => ({ field: path.map(String).join('.'), message }))
  const faults = fields.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new AppError('validation_failed', `Not valid: ${faults}.`, { fields })
}

const pair = /^([!-+\--~]+)(?: ([A-Za-z0-9+/]*={0,2}))?$/

/** Decodes `Upload-Metadata`: pairs of a key and a value in base64, separated by commas. PostgreSQL stores no NUL. */
function parseMetadata(text: string): Map<string, string> {
  if (text.length > maxMetadataCharacters) throw brokenMetadata()
  const values = new Map<string, string>()
  for (const each of text === '' ? [] : text.split(',')) {
    const [, key, value = ''] = pair.exec(each.trim()) ?? []
    if (key === undefined || values.has(key)) throw brokenMetadata()
    values.set(key, Buffer.from(value, 'base64').toString().replaceAll('\0', '\uFFFD'))
  }
  return values
}

function brokenMetadata(): AppError {
  const message = 'The header "Upload-Metadata" is malformed: send each key once, and its value in base64.'
  return new AppError('bad_request', message)
}

/** The headers of an answer about an upload. */
export function tusHeadersOf({ offset, documentId, expiresAt }: UploadState, firmId: FirmId): Record<string, string> {
  return {
    'upload-offset': String(offset),
    ...(documentId === undefined
      ? { 'upload-expires': expiresAt.toUTCString() }
      : { 'content-location': addressOf(firmId, documentId) }),
  }
}

/** The address of a document. */
export function addressOf(firmId: FirmId, documentId: DocumentId): string {
  return `/api/v1/security-firms/${firmId}/documents/${documentId}`
}
