import type { ResumableUpload } from '../../database/resumable/resumable-uploads.ts'
import type { AppError } from '../../errors/app-error.ts'
import type { DocumentId } from '../../vocabulary/vocabulary.ts'
import { UploadConflict } from './growing-blob.ts'

/** `documentId`: the document that it became. */
export type UploadState = Pick<ResumableUpload, 'totalBytes' | 'expiresAt' | 'metadata'> & {
  offset: number
  documentId: DocumentId | undefined
}

/** Whether all bytes are durable. What remains is to check them. */
export function isComplete({ bytes, totalBytes }: ResumableUpload): boolean {
  return bytes === totalBytes
}

/** A file whose bytes are all there is not finished: its client asks again with the last byte, and gets the result. */
export function stateOf(upload: ResumableUpload): UploadState {
  const { totalBytes, bytes, expiresAt, metadata, resultId } = upload
  if (resultId !== null) return { totalBytes, expiresAt, metadata, offset: totalBytes, documentId: resultId }
  const offset = isComplete(upload) ? totalBytes - 1 : bytes
  return { totalBytes, expiresAt, metadata, offset, documentId: undefined }
}

/** The answer to the last piece may have been lost. */
export function repeated(
  upload: ResumableUpload,
  { offset, declaredBytes }: { offset: number; declaredBytes: number | undefined },
): UploadState {
  const { totalBytes } = upload
  if (offset !== totalBytes && offset + (declaredBytes ?? 0) !== totalBytes) throw wrongOffset(totalBytes)
  return stateOf(upload)
}

export function wrongOffset(offset: number): AppError {
  return new UploadConflict(`This upload has ${offset} bytes. Ask for its offset with HEAD, and go on from there.`)
}
