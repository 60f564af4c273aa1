import { type RawBuilder, sql } from 'kysely'

import type {
  BlobId,
  Caller,
  DocumentId,
  FirmId,
  ProcessId,
  StorageKey,
  VersionId,
} from '../../vocabulary/vocabulary.ts'
import { alone, type Batched, createBatch, inOrder, lockWaitOf } from '../connection/batch.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { IdempotencyScope } from './idempotency-keys.ts'
import { callerOfEach } from '../people/session-state.ts'
import { type AccessRow, accessOf, membershipFrom, type RightToCheck } from '../people/check-access.ts'
import type { BlobLocation } from '../documents/versions-in-store.ts'
import { type AddedUsage, type DefaultQuota, quotaOf, type QuotaUsage } from '../people/quota-usage.ts'
import { isClaimExpired, leaving } from './blob.ts'

/** An upload before its first byte is stored. */
export type Reservation = BlobLocation & {
  id: BlobId
  firmId: FirmId
  documentId: DocumentId
  /** The version that it becomes when it is committed. */
  versionId: VersionId
  /** The maximum that it adds to the firm's usage. */
  addedUsage: AddedUsage
  /** Uploads under one idempotency key share one reservation. */
  scope: IdempotencyScope | undefined
  /** The code of the requested type; undefined for a new version, whose document has a type. */
  documentType: string | undefined
}

/** The rules of a type for its files. */
type DocumentTypeLimits = {
  /** Undefined: there is no such type. */
  isActive: boolean | undefined
  maxBytes: number | null
  allowedTypes: string[] | null
}

export type ReservationResult = DocumentTypeLimits & {
  room: QuotaUsage
  /** The quota that it would exceed. */
  exceeded: 'bytes' | 'documents' | null
  /** Whether an upload under the same idempotency key was answered. */
  isAnswered: boolean
  /** Whether the blob has a row and its room is reserved. */
  isReserved: boolean
}

/** Throws `AccessDenied`. */
type ReserveUpload = (caller: Caller, reservation: Reservation) => Promise<ReservationResult>

type ReserveRequest = { caller: Caller; reservation: Reservation }
type Row = AccessRow & DocumentTypeLimits & QuotaUsage & Pick<ReservationResult, 'isAnswered' | 'isReserved'>
type ReserveRow = Row & { position: number } & {
  exceeded: ReservationResult['exceeded'] | 'again'
  isTogether: boolean
}

/**
 * Inserts the blob's row before its first byte is stored, so that it can always be found, and reserves room, so that
 * concurrent uploads never exceed the firm's quota. The same statement checks the right and the type. Uploads that arrive
 * during a statement share the next one.
 */
export function createUploadReserver(
  db: Db | Tx,
  { processId, right, defaultQuota }: { processId: ProcessId; right: RightToCheck; defaultQuota: DefaultQuota },
): ReserveUpload {
  const reserve: Batched<ReserveRequest, ReserveRow> = createBatch('reserve upload', async (asked, isAlone) => {
    const { rows } = await reserveAll(asked, { processId, right, defaultQuota, isAlone }).execute(db)
    // A batch checks the uploads of one firm as a sum. If the sum is too much, some of them may still fit.
    return inOrder(rows, asked).map((row) =>
      row.exceeded === 'again' || (row.exceeded !== null && row.isTogether) ? alone : row,
    )
  })
  return async (caller, reservation) => {
    const row = await reserve({ caller, reservation })
    membershipFrom(row, { userId: caller.userId, firmId: reservation.firmId })
    const { isActive, maxBytes, allowedTypes, isAnswered, isReserved, ...room } = row
    const exceeded = row.exceeded === 'again' ? null : row.exceeded // a single request never gets 'again'
    return { isActive: isActive ?? undefined, maxBytes, allowedTypes, isAnswered, isReserved, exceeded, room }
  }
}

type ReserveOptions = { processId: ProcessId; right: RightToCheck; defaultQuota: DefaultQuota; isAlone: boolean }

/**
 * Locks the firms in the order of their ids, and all locks of one firm together, so that two batches never wait for each
 * other.
 */
function reserveAll(
  asked: ReserveRequest[],
  { processId, right, defaultQuota, isAlone }: ReserveOptions,
): RawBuilder<ReserveRow> {
  const caller = callerOfEach(asked.map((each) => each.caller))
  const firmId = sql.ref<FirmId>('asked.firm_id')
  return sql<ReserveRow>`
    with asked as materialized (
      select * from json_to_recordset(${JSON.stringify(asked.map(rowOf))}::json) as asked (
        position int, user_id uuid, session_id uuid, api_key_id uuid, firm_id uuid, document_type text, bytes bigint, documents int, under text, route text,
        key text, blob_id uuid, document_id uuid, version_id uuid, store text, store_id uuid, storage_key text),
        ${lockWaitOf(asked)} as lock_timeout
    ),
    judged as materialized (
      select asked.*, access.denial, access.role, t.is_active, t.max_bytes, t.allowed_types,
        least(asked.bytes, t.max_bytes) as more_bytes,
        access.denial is null and (asked.document_type is null or t.is_active is true) as is_allowed,
        answered.yes is true as is_answered
      from asked
      cross join lateral ${accessOf({ caller, firmId, right })} as access
      left join lateral (
        select true as yes from document_idempotency_keys k
        where k.firm_id = asked.firm_id and k.user_id = asked.user_id and k.route = asked.route and k.key = asked.key
        limit 1
      ) as answered on true
      left join document_types t on t.code = asked.document_type
    ),
    growing as materialized (
      select firm_id, sum(more_bytes)::bigint as bytes, sum(documents)::int as documents, count(*) > 1 as is_together,
        case when count(*) = 1 then min(under) end as under
      from judged where is_allowed group by firm_id order by firm_id
    ),
    room as materialized (
      select g.firm_id, g.is_together, quota.*, found.* from growing g
      cross join lateral ${quotaOf(sql.ref<FirmId>('g.firm_id'), defaultQuota)} as quota
      cross join lateral document_check_quota(g.firm_id, g.bytes, g.documents, g.under, quota.max_bytes, quota.max_documents,
        -- The parallel check of document_check_quota is for one document at a time.
        ${isAlone}::boolean or g.documents > 1) as found
    ),
    reserved as (
      insert into document_blobs (id, firm_id, document_id, version_id, store, store_id, storage_key, state,
        reserved_bytes, reserved_documents, reserved_under, claimed_by, claimed_until)
      select j.blob_id, j.firm_id, j.document_id, j.version_id, j.store, j.store_id, j.storage_key, 'incoming',
        j.more_bytes, j.documents, j.under, ${processId}::uuid, now() + interval '1 day'
      from judged j join room on room.firm_id = j.firm_id
      where j.is_allowed and room.exceeded is null
      returning id
    )
    select j.position, j.denial, j.role, j.is_active as "isActive", j.max_bytes as "maxBytes", j.allowed_types as "allowedTypes",
      j.is_answered as "isAnswered", reserved.id is not null as "isReserved", room.exceeded, room.is_together as "isTogether",
      room.used_bytes::float8 as "usedBytes", room.used_documents::float8 as "usedDocuments",
      room.max_bytes::float8 as "quotaBytes", room.max_documents::float8 as "quotaDocuments",
      room.is_draft as "isDraftQuota"
    from judged j
    left join room on room.firm_id = j.firm_id and j.is_allowed
    left join reserved on reserved.id = j.blob_id
    order by j.position`
}

function rowOf({ caller, reservation }: ReserveRequest, position: number) {
  const { scope, addedUsage } = reservation
  return {
    position,
    user_id: caller.userId,
    session_id: caller.sessionId,
    api_key_id: caller.apiKeyId,
    firm_id: reservation.firmId,
    document_type: reservation.documentType,
    bytes: addedUsage.bytes,
    documents: addedUsage.documents,
    under: scope && `${scope.userId}:${scope.route}:${scope.key}`,
    route: scope?.route,
    key: scope?.key,
    blob_id: reservation.id,
    document_id: reservation.documentId,
    version_id: reservation.versionId,
    store: reservation.store,
    store_id: reservation.storeId,
    storage_key: reservation.key,
  }
}

/** For an upload without a byte in the store. */
export async function deleteReservation(db: Db, id: BlobId): Promise<void> {
  await sql`delete from document_blobs where id = ${id} and state = 'incoming'`.execute(db)
}

/** Abandons a failed upload: its blob may be removed from `dueAt` on, and its reservation ends. */
export async function abandonUpload(db: Db, id: BlobId, dueAt: RawBuilder<Date>): Promise<void> {
  await sql`update document_blobs set ${leaving(dueAt)} where id = ${id} and state = 'incoming'`.execute(db)
}

/**
 * Like `abandonUpload`, for a reservation whose outcome is unknown: its statement may still be running. Inserts the row as
 * one that leaves, so that the statement, if it comes later, finds it and fails; if it came first, this waits for its end.
 */
export async function abandonReservation(
  db: Db,
  { id, firmId, documentId, versionId, store, storeId, key }: Reservation,
  dueAt: RawBuilder<Date>,
): Promise<void> {
  await sql`
    insert into document_blobs as b (id, firm_id, document_id, version_id, store, store_id, storage_key, state, due_at)
    values (${id}, ${firmId}, ${documentId}, ${versionId}, ${store}, ${storeId}, ${key}, 'leaving', ${dueAt})
    on conflict (id) do update set ${leaving(dueAt)} where b.state = 'incoming'`.execute(db)
}

type AbandonRule = {
  /** Now, by the collector's clock. */
  now: Date
  /** Blobs created before this are abandoned: no request takes so long. A move with a renewed claim is not. */
  before: Date
  /** Blobs created before this are abandoned if their process is dead. They may be removed after the grace period. */
  deadBefore: Date
  graceMs: number
}

/** A system task: makes the blobs of abandoned uploads and moves leave. Returns the count of each. */
export async function abandonIncoming(
  db: Db,
  { now, before, deadBefore, graceMs }: AbandonRule,
): Promise<{ uploads: number; moves: number }> {
  const { rows } = await sql<{ uploads: number; moves: number }>`
    with ended as materialized (
      select b.id from document_blobs b
      where b.state = 'incoming' and b.source_key is null
        and (b.created_at < ${before} and (b.source_id is null or ${isClaimExpired})
          or b.created_at < ${deadBefore} and document_process_is_dead(b.claimed_by))
        -- The bytes of a resumable upload wait for its next request until it expires.
        and not exists (select from document_uploads u where u.blob_id = b.id and u.expires_at > ${now})
        and not exists (select from document_uploads u where u.rest_blob_id = b.id and u.expires_at > ${now})
      -- Skips blobs that a transaction is committing now.
      order by b.id for update skip locked
    ),
    abandoned as (
      update document_blobs b
      set ${leaving(sql`case when b.created_at < ${before} then ${now}::timestamptz else ${new Date(now.getTime() + graceMs)}::timestamptz end`)}
      where b.id in (select id from ended) and b.state = 'incoming'
      returning b.source_id
    )
    select count(*) filter (where source_id is null)::int as uploads, count(source_id)::int as moves from abandoned`.execute(
    db,
  )
  return rows[0] ?? { uploads: 0, moves: 0 }
}

/** Records the multipart upload of a key. The service may have no right to list multipart uploads. */
export async function recordMultipart(db: Db, key: StorageKey, multipartId: string): Promise<void> {
  await sql`
    update document_blobs set multipart_id = ${multipartId} where storage_key = ${key} and state = 'incoming'`.execute(
    db,
  )
}

/** For a completed or aborted multipart upload. A newer one under the same key stays recorded. */
export async function clearMultipart(db: Db, key: StorageKey, multipartId: string): Promise<void> {
  await sql`
    update document_blobs set multipart_id = null where storage_key = ${key} and multipart_id = ${multipartId}`.execute(
    db,
  )
}
