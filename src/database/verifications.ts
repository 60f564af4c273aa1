import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, StoreId } from '../vocabulary.ts'
import type { Db } from './client.ts'

export type VerificationRecord = {
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

/** Whichever instance or command made it; undefined when there was none yet. */
export function findLastVerification(db: Db): Promise<LastVerification | undefined> {
  return findLastOf(db, 0)
}

/** The same of those that were to look at every version. */
export function findLastWholeVerification(db: Db): Promise<LastVerification | undefined> {
  return findLastOf(db, 1)
}

async function findLastOf(db: Db, leastShare: number): Promise<LastVerification | undefined> {
  const last = await db
    .selectFrom('document_verifications')
    .select(['findings', 'files', 'is_complete as isComplete', 'finished_at as finishedAt'])
    .where('share', '>=', leastShare)
    .orderBy('finished_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  // The driver hands a bigint over as text.
  return last && { ...last, files: Number(last.files) }
}

/** Versions that cannot be looked at from an instance: on other disks, or in a store that is not set up there. */
export async function countElsewhere(
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

/** Files that wait for S3, on whichever disk, since before a time: a page in the order of their keys. */
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

/** What the collector should have dealt with long ago: removals due, uploads begun and moves left before a time. */
export async function countOverdue(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ overdue: number }>`
    select (select count(*) from document_blobs where state = 'leaving' and due_at < ${before})::int
      + (select count(*) from document_blobs
         where state = 'incoming' and created_at < ${before} and (source_id is null or claimed_until < ${before}))::int as overdue`.execute(
    db,
  )
  return rows[0]?.overdue ?? 0
}
