import { sql } from 'kysely'

import type { FirmId, StoreId, StoreName, UploadId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { noteRemovals } from './note-removals.ts'
import type { Place } from './places.ts'

/** Bytes that no version names any more, and that may be removed now. */
export type DueRemoval = Place & { id: string }

/** One disk, and S3 where it is set up: what one instance can tidy up. */
export type TidyReach = { localStoreId: StoreId; hasS3: boolean }

/** A page of what is due and can be reached from here, oldest first. */
export async function listDueRemovals(
  db: Db,
  reach: TidyReach,
  { now, limit }: { now: Date; limit: number },
): Promise<DueRemoval[]> {
  const { rows } = await sql<DueRemoval>`
    select id, store, store_id as "storeId", storage_key as key from document_removals
    where due_at <= ${now} and ${isReachable(reach)}
    order by due_at limit ${limit}`.execute(db)
  return rows
}

/** For bytes that are gone. */
export async function forgetRemoval(db: Db, id: string): Promise<void> {
  await db.deleteFrom('document_removals').where('id', '=', id).execute()
}

/** Tries again later, so that one file that cannot be removed does not stand before all others. */
export async function postponeRemoval(db: Db, id: string, until: Date): Promise<void> {
  await db.updateTable('document_removals').set({ due_at: until }).where('id', '=', id).execute()
}

/** What was kept on purpose in a store, of one firm or of all, is to be removed after all. Yields how many files that are. */
export async function makeKeptDue(
  db: Db,
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  { firmId, dueAt }: { firmId: FirmId | undefined; dueAt: Date },
): Promise<number> {
  const result = await db
    .updateTable('document_removals')
    .set({ due_at: dueAt })
    .where('due_at', 'is', null)
    .where('store', '=', store)
    .where(sql<boolean>`store_id is not distinct from ${storeId}::uuid`)
    .$if(firmId !== undefined, (query) => query.where('firm_id', '=', firmId as FirmId)) // checked in this line
    .executeTakeFirst()
  return Number(result.numUpdatedRows)
}

/** An upload that never ended, or whose end is not known. */
export type StaleUpload = Place & { id: UploadId; multipartId: string | null }

/** Open uploads that began before a time, and whose bytes can be reached from here, oldest first. */
export async function listStaleUploads(
  db: Db,
  reach: TidyReach,
  { before, after, limit }: { before: Date; after: UploadId | undefined; limit: number },
): Promise<StaleUpload[]> {
  const { rows } = await sql<StaleUpload>`
    select id, store, store_id as "storeId", storage_key as key, multipart_id as "multipartId" from document_uploads
    where started_at < ${before} and ${isReachable(reach)} and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
    order by id limit ${limit}`.execute(db)
  return rows
}

/**
 * Ends an upload that never ended, and notes what it may have stored for removal: in one statement, so that the upload,
 * should it live after all, finds itself given up before a byte of it goes. False when it ended by itself meanwhile.
 */
export async function endStaleUpload(
  db: Db,
  id: UploadId,
  { before, dueAt }: { before: Date; dueAt: Date },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    with ended as (delete from document_uploads where id = ${id} and started_at < ${before} returning *)
    ${noteRemovals(sql`
      select firm_id, null::uuid, store, store_id, storage_key, ${dueAt}::timestamptz from ended`)}`.execute(db)
  return numAffectedRows === 1n
}

const isReachable = ({ localStoreId, hasS3 }: TidyReach) => sql<boolean>`
  ((store = 's3' and ${hasS3}::boolean) or (store = 'local' and store_id = ${localStoreId}::uuid))`
