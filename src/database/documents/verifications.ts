import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'

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
