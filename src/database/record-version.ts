import { sql } from 'kysely'

import type { Actor, DocumentId, FirmId, ScanStatus, Sha256 } from '../vocabulary.ts'
import type { Tx } from './client.ts'
import { documentColumns, type DocumentRecord } from './documents.ts'
import { platformPath } from './places.ts'
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

/**
 * A new document with its first version, and the platform's row for it where it may be seen. One statement: every way to
 * the server and back costs an upload more than the rows do.
 */
export async function recordNewDocument(trx: Tx, actor: Actor, version: NewVersion): Promise<DocumentRecord> {
  const { rows } = await sql<DocumentRecord>`
    with d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      values (${version.firmId}, ${version.documentId}, ${version.documentType}, 1, ${actor.userId})
      returning *
    ),
    v as (
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
        store_id, storage_key, is_fallback, etag, object_version_id, scan_status, uploaded_by)
      values (${version.firmId}, ${version.documentId}, 1, ${version.fileName}, ${version.fileSize},
        ${version.mimeType}, ${version.sha256}, ${version.store}, ${version.storeId}, ${version.key},
        ${version.isFallback}, ${version.etag ?? null}, ${version.objectVersionId ?? null}, ${version.scanStatus},
        ${actor.userId})
      returning *
    ),
    platform_row as (
      insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
        is_verified, created_at, updated_at)
      select d.id, d.firm_id, d.document_type, v.file_name, ${platformPath(version)}::text, v.file_size, v.mime_type,
        v.uploaded_by, false, now(), now()
      from d, v
      where ${isServable(version.scanStatus)}::boolean
    )
    select ${documentColumns} from d, v`.execute(trx)
  const [document] = rows
  if (document === undefined) throw new Error('A row that was just inserted did not come back.')
  return document
}

function isServable(scanStatus: ScanStatus): boolean {
  return scanStatus === 'clean' || scanStatus === 'skipped'
}
