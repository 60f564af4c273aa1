import { sql } from 'kysely'

import type { Actor, DocumentId, FirmId, ScanStatus, Sha256 } from '../vocabulary.ts'
import type { Tx } from './client.ts'
import type { Place } from './uploads.ts'

export type NewVersion = Place & {
  firmId: FirmId
  documentId: DocumentId
  documentType: string
  fileName: string
  fileSize: number
  mimeType: string
  sha256: Sha256
  etag: string | undefined
  objectVersionId: string | undefined
  isFallback: boolean
  scanStatus: ScanStatus
}

/** A new document with its first version, and the platform's row for it where it may be seen. */
export async function recordNewDocument(trx: Tx, actor: Actor, version: NewVersion): Promise<void> {
  await trx
    .insertInto('documents')
    .values({
      firm_id: version.firmId,
      id: version.documentId,
      document_type: version.documentType,
      current_version: 1,
      created_by: actor.userId,
    })
    .execute()
  await insertVersion(trx, actor, version, 1)
  if (isServable(version.scanStatus)) await insertPlatformRow(trx, actor, version)
}

async function insertVersion(trx: Tx, actor: Actor, version: NewVersion, number: number): Promise<void> {
  await trx
    .insertInto('document_versions')
    .values({
      firm_id: version.firmId,
      document_id: version.documentId,
      version: number,
      file_name: version.fileName,
      file_size: version.fileSize,
      mime_type: version.mimeType,
      sha256: version.sha256,
      store: version.store,
      store_id: version.storeId,
      storage_key: version.key,
      is_fallback: version.isFallback,
      etag: version.etag ?? null,
      object_version_id: version.objectVersionId ?? null,
      scan_status: version.scanStatus,
      uploaded_by: actor.userId,
    })
    .execute()
}

async function insertPlatformRow(trx: Tx, actor: Actor, version: NewVersion): Promise<void> {
  await trx
    .insertInto('firm_documents')
    .values({
      id: version.documentId,
      firm_id: version.firmId,
      document_type: version.documentType,
      file_name: version.fileName,
      file_path: platformPath(version),
      file_size: version.fileSize,
      mime_type: version.mimeType,
      uploaded_by: actor.userId,
      is_verified: false,
      created_at: sql`now()`,
      updated_at: sql`now()`,
    })
    .execute()
}

/** `firm_documents.file_path` as the contract §3 has it: the key on S3, below `uploads/` on local disk. */
function platformPath({ store, key }: Place): string {
  return store === 's3' ? key : `uploads/${key}`
}

function isServable(scanStatus: ScanStatus): boolean {
  return scanStatus === 'clean' || scanStatus === 'skipped'
}
