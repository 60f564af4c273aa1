import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import type { BlobLocation } from './versions-in-store.ts'

type VerificationRecord = {
  share: number
  reads: boolean
  isComplete: boolean
  files: number
  bytes: number
  findings: Record<string, number>
}

export async function recordVerification(db: Db, done: VerificationRecord): Promise<void> {
  await db
    .insertInto('document_verifications')
    .values({
      share: done.share,
      reads: done.reads,
      is_complete: done.isComplete,
      files: done.files,
      bytes: done.bytes,
      findings: JSON.stringify(done.findings),
    })
    .execute()
}

export type LastVerification = Pick<VerificationRecord, 'findings' | 'files' | 'isComplete'> & { finishedAt: Date }

/** The last verification by any instance or command; undefined before the first. */
export function findLastVerification(db: Db): Promise<LastVerification | undefined> {
  return findLastOf(db, 0)
}

/** The last verification of all versions. */
export function findLastFullVerification(db: Db): Promise<LastVerification | undefined> {
  return findLastOf(db, 1)
}

async function findLastOf(db: Db, minShare: number): Promise<LastVerification | undefined> {
  const last = await db
    .selectFrom('document_verifications')
    .select(['findings', 'files', 'is_complete as isComplete', 'finished_at as finishedAt'])
    .where('share', '>=', minShare)
    .orderBy('finished_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  // The driver returns a bigint as text.
  return last && { ...last, files: Number(last.files) }
}

/** Counts the versions that an instance cannot read: in other local stores, or on S3 if it is not configured. */
export async function countUnreachable(
  db: Db,
  { localStoreId, hasS3 }: { localStoreId: StoreId; hasS3: boolean },
): Promise<number> {
  const { rows } = await sql<{ files: number }>`
    select count(*)::int as files from document_versions
    where bytes_state <> 'removed'
      and ((store = 's3' and not ${hasS3}::boolean) or (store = 'local' and store_id <> ${localStoreId}::uuid))`.execute(
    db,
  )
  return rows[0]?.files ?? 0
}

export type WaitingVersion = {
  firmId: FirmId
  documentId: DocumentId
  version: number
  storeId: StoreId | null
  key: StorageKey
  bytes: number
  uploadedAt: Date
}

/** Lists fallback files in any local store that were uploaded before a time, a page in the order of their keys. */
export async function listLateFallback(
  db: Db,
  before: Date,
  { after, limit }: { after: WaitingVersion | undefined; limit: number },
): Promise<WaitingVersion[]> {
  const isAfter =
    after === undefined
      ? sql`true`
      : sql`(firm_id, document_id, version) > (${after.firmId}::uuid, ${after.documentId}::uuid, ${after.version}::int)`
  const { rows } = await sql<WaitingVersion>`
    select firm_id as "firmId", document_id as "documentId", version, store_id as "storeId", storage_key as key,
      file_size as bytes, uploaded_at as "uploadedAt"
    from document_versions
    where is_fallback and bytes_state = 'present' and uploaded_at < ${before} and ${isAfter}
    order by firm_id, document_id, version limit ${limit}`.execute(db)
  return rows
}

/**
 * Counts the blobs that the collector should have processed: removals that were due, and uploads and moves that began,
 * before a time.
 */
export async function countOverdue(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ overdue: number }>`
    select (select count(*) from document_blobs where state = 'leaving' and due_at < ${before})::int
      + (select count(*) from document_blobs
         where state = 'incoming' and created_at < ${before} and (source_id is null or claimed_until < ${before}))::int as overdue`.execute(
    db,
  )
  return rows[0]?.overdue ?? 0
}

/**
 * A system task: returns the orphans among these keys of one store: the keys that no row names. A blob of the platform has no
 * store id, so it names the file of this key in every local store. The platform's rows count too, since one may not be a
 * version here yet. The unfinished copy of an orphan into quarantine does not name the orphan.
 */
export async function findUnnamedKeys(
  db: Db,
  { store, storeId }: Omit<BlobLocation, 'key'>,
  keys: StorageKey[],
): Promise<StorageKey[]> {
  const { rows } = await sql<{ key: StorageKey }>`
    select k.key from unnest(${keys}::text[]) as k (key)
    where not exists (select from document_blobs b where b.storage_key = k.key and b.store = ${store}
                        and (b.store_id is null or b.store_id = ${storeId}::uuid) and b.state <> 'destroyed')
      and not exists (select from firm_documents f where f.file_path = ${store === 's3' ? '' : 'uploads/'}::text || k.key)`.execute(
    db,
  )
  return rows.map(({ key }) => key)
}

type Multipart = { key: StorageKey; multipartId: string }

/**
 * A system task: returns the multipart uploads that no blob names. An incoming blob with this key but without a multipart id
 * may have begun a moment ago and is about to record it, so its upload counts as named.
 */
export async function findUnnamedMultiparts(db: Db, multiparts: Multipart[]): Promise<Set<string>> {
  const [keys, ids] = [multiparts.map(({ key }) => key), multiparts.map(({ multipartId }) => multipartId)]
  const { rows } = await sql<{ id: string }>`
    select given.id from unnest(${keys}::text[], ${ids}::text[]) as given (key, id)
    where not exists (select from document_blobs b where b.multipart_id = given.id)
      and not exists (select from document_blobs b
                      where b.storage_key = given.key and b.state = 'incoming' and b.multipart_id is null)`.execute(db)
  return new Set(rows.map(({ id }) => id))
}
