import { type RawBuilder, sql } from 'kysely'

import type { BlobId, DocumentId, FirmId, ProcessId, StorageKey, VersionId } from '../../vocabulary.ts'
import type { Db, Tx } from '../client.ts'
import type { IdempotencyScope } from '../idempotency.ts'
import type { Place } from '../places.ts'
import type { Growth, Quota, Room } from '../quotas.ts'
import { isClaimOver, leaving } from './blob.ts'

/** An upload on its way into one place. */
export type Reservation = Place & {
  id: BlobId
  firmId: FirmId
  documentId: DocumentId
  /** The version that it becomes when it is committed. */
  versionId: VersionId
  /** What it adds to the firm at most. */
  growth: Growth
  /** Uploads under one idempotency key share one reservation. */
  scope: IdempotencyScope | undefined
}

/** `refused`: the quota that has no room for it; null: it is reserved. */
type Reserved = Room & { refused: 'bytes' | 'documents' | null }

type Asked = Room & { refused: Reserved['refused'] | 'again' }

/**
 * Names the bytes before the first of them is stored, so that they can be found whatever happens, and reserves room for
 * them, so that no number of uploads at once exceeds the firm's quota. One statement.
 */
export async function reserveUpload(
  db: Db | Tx,
  processId: ProcessId,
  reservation: Reservation,
  defaultQuota: Quota,
): Promise<Reserved> {
  const { refused, ...room } = await ask(db, processId, reservation, { defaultQuota, isAlone: false })
  if (refused !== 'again') return { refused, ...room }
  return (await ask(db, processId, reservation, { defaultQuota, isAlone: true })) as Reserved // alone there is no 'again'
}

async function ask(
  db: Db | Tx,
  processId: ProcessId,
  { growth, scope, ...blob }: Reservation,
  { defaultQuota, isAlone }: { defaultQuota: Quota; isAlone: boolean },
): Promise<Asked> {
  const under = scope === undefined ? null : `${scope.userId}:${scope.route}:${scope.key}`
  const { rows } = await sql<Asked>`
    with room as (
      select * from document_find_room(${blob.firmId}, ${growth.bytes}::bigint, ${growth.documents}::int, ${under}::text,
        ${defaultQuota.bytes ?? null}::bigint, ${defaultQuota.documents ?? null}::bigint, ${isAlone}::boolean)
    ),
    reserved as (
      insert into document_blobs (id, firm_id, document_id, version_id, store, store_id, storage_key, state,
        reserved_bytes, reserved_documents, reserved_under, claimed_by, claimed_until)
      select ${blob.id}::uuid, ${blob.firmId}::uuid, ${blob.documentId}::uuid, ${blob.versionId}::uuid, ${blob.store}::text,
        ${blob.storeId}::uuid, ${blob.key}::text, 'incoming', ${growth.bytes}::bigint, ${growth.documents}::int, ${under}::text,
        ${processId}::uuid, now() + interval '1 day'
      from room where refused is null
    )
    select refused, used_bytes::float8 as "usedBytes", used_documents::float8 as "usedDocuments",
      most_bytes::float8 as "mostBytes", most_documents::float8 as "mostDocuments" from room`.execute(db)
  const [asked] = rows
  if (asked === undefined) throw new Error('the database did not say whether an upload is reserved')
  return asked
}

/** In the transaction that makes the version: its bytes are live. False when the upload was given up meanwhile. */
export async function commitUpload(trx: Tx, id: BlobId, bytes: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_blobs set state = 'live', bytes = ${bytes}::bigint, reserved_bytes = 0, reserved_documents = 0,
      reserved_under = null, multipart_id = null, claimed_by = null, claimed_until = null, changed_at = now()
    where id = ${id} and state = 'incoming'`.execute(trx)
  return numAffectedRows === 1n
}

/** An upload that failed: its bytes leave from `dueAt` on, and it takes no room in the firm any more. */
export async function abandonUpload(db: Db, id: BlobId, dueAt: RawBuilder<Date>): Promise<void> {
  await sql`update document_blobs set ${leaving(dueAt)} where id = ${id} and state = 'incoming'`.execute(db)
}

type Abandoned = {
  /** Now, by the collector's clock. */
  now: Date
  /** Created before: too old for any request, unless a move still renews its claim. */
  before: Date
  /** Created before: abandoned when the process that claimed it is dead. Its bytes stay for the grace all the same. */
  deadBefore: Date
  graceMs: number
}

/** A system task: uploads and moves that nobody will end any more leave. Yields how many of each. */
export async function abandonIncoming(
  db: Db,
  { now, before, deadBefore, graceMs }: Abandoned,
): Promise<{ uploads: number; moves: number }> {
  const { rows } = await sql<{ uploads: number; moves: number }>`
    with abandoned as (
      update document_blobs b
      set ${leaving(sql`case when b.created_at < ${before} then ${now}::timestamptz else ${new Date(now.getTime() + graceMs)}::timestamptz end`)}
      where b.state = 'incoming' and b.source_key is null
        and (b.created_at < ${before} and (b.source_id is null or ${isClaimOver})
          or b.created_at < ${deadBefore} and document_process_is_dead(b.claimed_by))
      returning b.source_id
    )
    select count(*) filter (where source_id is null)::int as uploads, count(source_id)::int as moves from abandoned`.execute(
    db,
  )
  return rows[0] ?? { uploads: 0, moves: 0 }
}

/** For stores: the upload in parts that a key's bytes travel in; the service's own rights may not list them. */
export async function noteMultipart(db: Db, key: StorageKey, multipartId: string): Promise<void> {
  await sql`
    update document_blobs set multipart_id = ${multipartId} where storage_key = ${key} and state = 'incoming'`.execute(
    db,
  )
}

/** Nothing of it is left to abort. Another one that was noted since stays noted. */
export async function forgetMultipart(db: Db, key: StorageKey, multipartId: string): Promise<void> {
  await sql`
    update document_blobs set multipart_id = null where storage_key = ${key} and multipart_id = ${multipartId}`.execute(
    db,
  )
}
