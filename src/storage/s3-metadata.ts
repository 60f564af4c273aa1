import type { Sha256 } from '../vocabulary.ts'
import type { FileLabels } from './file-store.ts'

const maxFileNameBytes = 1024 // of the 2 KiB that S3 allows for all of an object's metadata

/** An object's user metadata. `sha256` stands on objects whose hash was known before they were sent. */
export function s3MetadataOf(labels: FileLabels, sha256?: Sha256): Record<string, string> {
  return {
    'original-filename': encodeFileName(labels.originalFileName),
    'document-type': encodeURIComponent(labels.documentType),
    'firm-id': labels.firmId,
    'document-id': labels.documentId,
    ...(sha256 === undefined ? {} : { sha256 }),
  }
}

/** Percent-encoded, since a header carries ASCII alone; cut between characters, so that what is left decodes. */
export function encodeFileName(fileName: string): string {
  let encoded = ''
  for (const character of fileName.toWellFormed()) {
    const next = encoded + encodeURIComponent(character)
    if (next.length > maxFileNameBytes) break
    encoded = next
  }
  return encoded
}
