import { sql } from 'kysely'

import type { DocumentId, FirmId, Sha256, StoreId, StoreName, VersionId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import type { Place } from './uploads.ts'

/** A version as those see it who look after bytes, whoever may read it. */
export type StoredVersion = Place & {
  firmId: FirmId
  documentId: DocumentId
  version: number
  versionId: VersionId
  documentType: string
  fileName: string
  fileSize: number
  mimeType: string
  sha256: Sha256 | null
  bytesState: 'present' | 'missing' | 'wrong' | 'removed'
}

/** Which versions: all of one store, the fallback files of one disk, one firm's. */
export type VersionScope = {
  store: StoreName
  /** The disk, where the store is local: its rows, and those of the platform, which name none. */
  storeId: StoreId | null
  isFallback?: true
  firmId?: FirmId | undefined
}

export type VersionCursor = Pick<StoredVersion, 'firmId' | 'documentId' | 'version'>

/** A system task's walk over versions in the order of their keys, a page at a time. */
export async function listVersionsIn(
  db: Db,
  scope: VersionScope,
  { after, limit }: { after: VersionCursor | undefined; limit: number },
): Promise<StoredVersion[]> {
  const { rows } = await sql<StoredVersion>`
    select v.firm_id as "firmId", v.document_id as "documentId", v.version, v.id as "versionId",
      d.document_type as "documentType", v.file_name as "fileName", v.file_size as "fileSize", v.mime_type as "mimeType",
      v.sha256, v.store, v.store_id as "storeId", v.storage_key as key, v.bytes_state as "bytesState"
    from document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
    where ${isIn(scope)} and ${isAfter(after)}
    order by v.firm_id, v.document_id, v.version limit ${limit}`.execute(db)
  return rows
}

/** How many versions a walk will meet, and their bytes. */
export async function countVersionsIn(db: Db, scope: VersionScope): Promise<{ files: number; bytes: number }> {
  const { rows } = await sql<{ files: number; bytes: number }>`
    select count(*)::int as files, coalesce(sum(v.file_size), 0)::float8 as bytes
    from document_versions v where ${isIn(scope)}`.execute(db)
  return rows[0] ?? { files: 0, bytes: 0 }
}

function isIn({ store, storeId, isFallback, firmId }: VersionScope) {
  return sql<boolean>`v.store = ${store} and v.bytes_state <> 'removed'
    and (v.store = 's3' or v.store_id = ${storeId}::uuid ${isFallback === true ? sql`` : sql`or v.store_id is null`})
    ${isFallback === true ? sql`and v.is_fallback and v.bytes_state = 'present'` : sql``}
    ${firmId === undefined ? sql`` : sql`and v.firm_id = ${firmId}`}`
}

function isAfter(after: VersionCursor | undefined) {
  return after === undefined
    ? sql<boolean>`true`
    : sql<boolean>`(v.firm_id, v.document_id, v.version) > (${after.firmId}::uuid, ${after.documentId}::uuid, ${after.version}::int)`
}
