import { type RawBuilder, sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import type { DocumentRecord, VersionOfFile } from './documents.ts'

/** The location of a blob. `storeId`: the local store; null on S3 and for files of the platform. */
export type BlobLocation = { store: StoreName; storeId: StoreId | null; key: StorageKey }

/** SQL: whether a row of `document_versions` names these bytes. `prefix`: the table's name in the query, with its dot. */
export function isAtLocation({ store, storeId, key }: BlobLocation, prefix = ''): RawBuilder<boolean> {
  const column = (name: string) => sql.raw(prefix + name)
  return sql`(${column('storage_key')} = ${key} and ${column('store')} = ${store}
    and ${column('store_id')} is not distinct from ${storeId}::uuid)`
}

/** `firm_documents.file_path` (contract §3): the key on S3, or the key below `uploads/` in a local store. */
export function platformPath({ store, key }: BlobLocation): string {
  return store === 's3' ? key : `uploads/${key}`
}

/** SQL: the same for `document_versions v`. */
export const platformPathOfVersionText = `case v.store when 's3' then '' else 'uploads/' end || v.storage_key`
export const platformPathOfVersion = sql.raw<string>(platformPathOfVersionText)

/** A version as system tasks see it, without access checks. */
export type StoredVersion = BlobLocation &
  VersionOfFile &
  Pick<DocumentRecord, 'firmId' | 'version' | 'sha256' | 'bytesState'> & { documentId: DocumentId }

/** The versions of one store, with further conditions. */
export type VersionScope = {
  store: StoreName
  /** The local store. Includes versions of the platform, which have no store id. */
  storeId: StoreId | null
  isFallback?: true
  /** Versions without a hash, except those of the last minute: the platform may not have written the file yet. */
  isUnhashed?: true
  /** Excludes infected versions, which only go into quarantine. */
  isMovable?: true
  firmId?: FirmId | undefined
  sample?: Sample | undefined
  /** Only versions after this one in the order of keys. */
  after?: VersionCursor | undefined
}

/** A random share of all versions; each salt selects another sample. Missing and corrupt versions are always in it. */
export type Sample = { share: number; salt: number }

export type VersionCursor = Pick<StoredVersion, 'firmId' | 'documentId' | 'version'>

/** A system task: lists versions in the order of their keys, a page at a time. */
export async function listVersionsIn(
  db: Db,
  scope: VersionScope,
  { after, limit }: { after: VersionCursor | undefined; limit: number },
): Promise<StoredVersion[]> {
  const { rows } = await sql<StoredVersion>`
    select ${storedColumns} from ${tables} where ${isIn(scope)} and ${isAfter(after)}
    order by v.firm_id, v.document_id, v.version limit ${limit}`.execute(db)
  return rows
}

/** A system task: reads one version again. Undefined if the version or its content was removed. */
export async function findStoredVersion(
  db: Db,
  { firmId, versionId }: Pick<StoredVersion, 'firmId' | 'versionId'>,
): Promise<StoredVersion | undefined> {
  const { rows } = await sql<StoredVersion>`
    select ${storedColumns} from ${tables}
    where v.firm_id = ${firmId} and v.id = ${versionId} and v.bytes_state <> 'removed'`.execute(db)
  return rows[0]
}

/** SQL: every field of a `StoredVersion`, of `document_versions v` and `documents d`. */
export const storedColumns = sql<StoredVersion>`v.firm_id as "firmId", v.document_id as "documentId", v.version, v.id as "versionId",
  d.document_type as "documentType", v.file_name as "fileName", v.file_size as "fileSize", v.mime_type as "mimeType",
  v.sha256, v.store, v.store_id as "storeId", v.storage_key as key, v.bytes_state as "bytesState"`

const tables = sql`document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id`

/** The number and size of the versions that `listVersionsIn` returns. */
export async function countVersionsIn(db: Db, scope: VersionScope): Promise<{ files: number; bytes: number }> {
  const { rows } = await sql<{ files: number; bytes: number }>`
    select count(*)::int as files, coalesce(sum(v.file_size), 0)::float8 as bytes
    from document_versions v where ${isIn(scope)}`.execute(db)
  return rows[0] ?? { files: 0, bytes: 0 }
}

function isIn({ store, storeId, isFallback, isUnhashed, isMovable, firmId, sample, after }: VersionScope) {
  return sql<boolean>`v.store = ${store} and v.bytes_state <> 'removed'
    and (v.store = 's3' or v.store_id = ${storeId}::uuid ${isFallback === true ? sql`` : sql`or v.store_id is null`})
    ${isFallback === true ? sql`and v.is_fallback and v.bytes_state = 'present'` : sql``}
    ${isUnhashed === true ? sql`and v.sha256 is null and v.bytes_state = 'present' and v.uploaded_at < now() - interval '1 minute'` : sql``}
    ${isMovable === true ? sql`and v.scan_status <> 'infected'` : sql``}
    ${after === undefined ? sql`` : sql`and ${isAfter(after)}`}
    ${firmId === undefined ? sql`` : sql`and v.firm_id = ${firmId}`}
    ${sample === undefined ? sql`` : sql`and ${isInSample(sample)}`}`
}

// Masks the sign, so that a hash is a number from 0 to 2^63.
function isInSample({ share, salt }: Sample) {
  return sql`(v.bytes_state <> 'present'
    or (hashtextextended(v.id::text, ${salt}::bigint) & 9223372036854775807)::float8
       < ${share}::float8 * 9223372036854775807::float8)`
}

function isAfter(after: VersionCursor | undefined) {
  return after === undefined
    ? sql<boolean>`true`
    : sql<boolean>`(v.firm_id, v.document_id, v.version) > (${after.firmId}::uuid, ${after.documentId}::uuid, ${after.version}::int)`
}

/** Keys of some versions in a store, of this service or of the platform, to check that it is the right store. */
export async function sampleKeys(
  db: Db,
  { store, isPlatforms, limit }: { store: StoreName; isPlatforms: boolean; limit: number },
): Promise<StorageKey[]> {
  const { rows } = await sql<{ key: StorageKey }>`
    select storage_key as key from document_versions
    where store = ${store} and is_platforms = ${isPlatforms} and bytes_state <> 'removed' limit ${limit}`.execute(db)
  return rows.map(({ key }) => key)
}

/** Whether any version is in this store. */
export async function hasVersionsIn(db: Db, store: StoreName): Promise<boolean> {
  const { rows } = await sql`
    select from document_versions where store = ${store} and bytes_state <> 'removed' limit 1`.execute(db)
  return rows.length > 0
}

type LocalStoreUsage = {
  /** Fallback files that are to be moved to S3. */
  waiting: number
  /** Missing or corrupt fallback files, which are not moved. */
  damaged: number
  /** All other versions, and retained sources of moves whose copies are missing or corrupt. */
  others: number
  /** Whether any row names this local store. */
  isKnown: boolean
}

/** A system task: counts the rows of one local store. Excludes versions of the platform, which have no store id. */
export async function countInLocalStore(db: Db, storeId: StoreId): Promise<LocalStoreUsage> {
  const { rows } = await sql<LocalStoreUsage>`
    select count(*) filter (where is_fallback and bytes_state = 'present')::int as waiting,
      count(*) filter (where is_fallback and bytes_state in ('wrong', 'missing'))::int as damaged,
      count(*) filter (where not is_fallback and bytes_state <> 'removed')::int
        + (select count(*) from document_blobs b
             join document_versions v on v.firm_id = b.firm_id and v.id = b.version_id
           where b.store_id = ${storeId}::uuid and b.state = 'leaving' and v.bytes_state in ('wrong', 'missing'))::int as others,
      count(*) > 0
        or exists (select from document_blobs where store_id = ${storeId}::uuid) as "isKnown"
    from document_versions where store = 'local' and store_id = ${storeId}::uuid`.execute(db)
  return rows[0] ?? { waiting: 0, damaged: 0, others: 0, isKnown: false }
}
