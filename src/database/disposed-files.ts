import { sql } from 'kysely'

import type { DocumentId, FirmId, QuarantineKey, StorageKey, StoreId, StoreName } from '../vocabulary.ts'
import type { Db } from './client.ts'
import type { TidyReach } from './removals.ts'
import type { Place } from './places.ts'

/** A place that the record of a disposal names, and where bytes may lie still. */
export type DisposedFile = {
  id: string
  firmId: FirmId
  store: StoreName
  /** On S3: null for the bucket that is set up, another for one from before a restore. */
  storeId: StoreId | null
  /** Whether a hold stands on the firm since. */
  isHeld: boolean
} & ({ isQuarantined: false; key: StorageKey } | { isQuarantined: true; key: QuarantineKey })

/** The record's line of these bytes; undefined when no purge has left them. */
export async function findDisposedFile(db: Db, { store, storeId, key }: Place): Promise<DisposedFile | undefined> {
  const { rows } = await sql<DisposedFile>`
    select ${columns} from document_disposed_files f
    where f.storage_key = ${key} and f.store = ${store} and f.store_id is not distinct from ${storeId}::uuid
      and f.destroyed_at is null`.execute(db)
  return rows[0]
}

type DisposedPage = {
  /** `in_quarantine`: those that lie there and are not even hidden. */
  which: 'all' | 'in_quarantine'
  /** Of these documents alone; undefined: of all. */
  documentIds: DocumentId[] | undefined
  after: string | undefined
  limit: number
}

/** A page of what can be reached from here and is not destroyed, in the order of their ids. */
export async function listDisposedFiles(
  db: Db,
  { localStoreId, hasS3 }: TidyReach,
  { which, documentIds, after, limit }: DisposedPage,
): Promise<DisposedFile[]> {
  const { rows } = await sql<DisposedFile>`
    select ${columns} from document_disposed_files f
    where f.destroyed_at is null and (${after ?? null}::uuid is null or f.id > ${after ?? null}::uuid)
      and ((f.store = 's3' and f.store_id is null and ${hasS3}::boolean) or (f.store = 'local' and f.store_id = ${localStoreId}::uuid))
      ${which === 'all' ? sql`` : sql`and f.is_quarantined and f.hidden_at is null`}
      ${documentIds === undefined ? sql`` : sql`and ${isOf(documentIds)}`}
    order by f.id limit ${limit}`.execute(db)
  return rows
}

/** Where bytes that purges have left lie still, by store and by disk. */
export async function countDisposedFiles(
  db: Db,
  documentIds: DocumentId[] | undefined,
): Promise<{ store: StoreName; storeId: StoreId | null; count: number }[]> {
  const { rows } = await sql<{ store: StoreName; storeId: StoreId | null; count: number }>`
    select f.store, f.store_id as "storeId", count(*)::int as count from document_disposed_files f
    where f.destroyed_at is null ${documentIds === undefined ? sql`` : sql`and ${isOf(documentIds)}`}
    group by f.store, f.store_id`.execute(db)
  return rows
}

/** `filesLeft`: whose bytes are not destroyed yet; `filesInOldBuckets`: nor will be from here. */
export type DisposedDocument = { id: DocumentId; at: Date; filesLeft: number; filesInOldBuckets: number }

/** Which of these documents a purge has taken. */
export async function listDisposedDocuments(db: Db, documentIds: DocumentId[]): Promise<DisposedDocument[]> {
  const { rows } = await sql<DisposedDocument>`
    select d.document_id as id, max(d.disposed_at) as at,
      count(f.id) filter (where not ${isInOldBucket})::int as "filesLeft",
      count(f.id) filter (where ${isInOldBucket})::int as "filesInOldBuckets"
    from document_disposals d
    left join document_disposed_files f on f.disposal_id = d.id and f.destroyed_at is null
    where d.document_id = any (${documentIds}::uuid[])
    group by d.document_id order by d.document_id`.execute(db)
  return rows
}

const isInOldBucket = sql<boolean>`(f.store = 's3' and f.store_id is not null)`

const isOf = (documentIds: DocumentId[]) => sql<boolean>`
  f.disposal_id in (select id from document_disposals where document_id = any (${documentIds}::uuid[]))`

/** `noncurrentDays`: how long a versioned bucket keeps what is hidden, where that is known. */
export type Outcome = { removed: 'destroyed' | 'hidden'; at: Date; noncurrentDays: number | undefined }

/** What became of it: in the record, and in every list of what is left to do. */
export async function noteDisposed(
  db: Db,
  file: DisposedFile,
  { removed, at, noncurrentDays }: Outcome,
): Promise<void> {
  await sql`
    with noted as (
      update document_disposed_files set
        destroyed_at = ${removed === 'destroyed' ? at : null}::timestamptz,
        hidden_at = coalesce(hidden_at, ${removed === 'hidden' ? at : null}::timestamptz),
        -- A lifecycle counts whole days, from the midnight after.
        destroyed_by = coalesce(destroyed_by, (${at}::timestamptz at time zone 'UTC')::date + ${noncurrentDays ?? null}::int + 1)
      where id = ${file.id}
    ),
    aside as (
      delete from document_quarantined where ${file.isQuarantined}::boolean and quarantine_key = ${file.key}
    )
    delete from document_removals where storage_key = ${file.key} and store = ${file.store}
      and store_id is not distinct from ${file.storeId}::uuid`.execute(db)
}

const columns = sql<DisposedFile>`
  f.id, f.firm_id as "firmId", f.store, f.store_id as "storeId", f.storage_key as key, f.is_quarantined as "isQuarantined",
  exists (select from document_holds h where h.firm_id = f.firm_id and h.document_id is null) as "isHeld"`
