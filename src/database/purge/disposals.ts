import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, StoreId, StoreName, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { EventActor } from '../audit/events.ts'
import { hasLegalHold } from './legal-holds.ts'
import { isLastVerified, retainedUntil } from './purge-protections.ts'

type DocumentRef = { firmId: FirmId; documentId: DocumentId }

export type Disposal = {
  why: string
  /** The daily job, or the person who ran the command. */
  by: string
  /** When its blobs may be removed. */
  dueAt: Date
  /** The local store of the platform's files, whose rows have no store id. */
  localStoreId: StoreId
}

/**
 * Destroys a document that the transaction has locked: deletes its rows, inserts the disposal record and makes every blob
 * leave, whatever its state: copies in quarantine, sources of moves, targets of dead or rejected moves, and hidden objects of
 * a versioned bucket. Resumable uploads of a new version end.
 */
export async function disposeDocument(
  trx: Tx,
  actor: EventActor,
  { firmId, documentId }: DocumentRef,
  { why, by, dueAt, localStoreId }: Disposal,
): Promise<void> {
  await sql`
    with versions as materialized (
      select * from document_versions where firm_id = ${firmId} and document_id = ${documentId}
    ),
    locked as materialized (
      select id, state from document_blobs where document_id = ${documentId} and firm_id = ${firmId} order by id for update
    ),
    ended as (delete from document_uploads where blob_id in (select id from locked where state = 'incoming')),
    gone as (delete from documents where firm_id = ${firmId} and id = ${documentId} returning *),
    disposal as (
      insert into document_disposals (firm_id, document_id, document_type, created_by, created_at, deleted_by, deleted_at,
        approved_by, approval_reason, versions, why, disposed_by, request_id)
      select firm_id, id, document_type, created_by, created_at, deleted_by, deleted_at, purge_approved_by,
        purge_approval_reason,
        (select jsonb_agg(jsonb_build_object('version', v.version, 'bytes', v.file_size, 'sha256', v.sha256, 'mime_type',
          v.mime_type, 'uploaded_by', v.uploaded_by, 'uploaded_at', v.uploaded_at, 'review_status', v.review_status)
          order by v.version) from versions v),
        ${why}, ${by}, ${actor.requestId}
      from gone
      returning id, firm_id, document_id
    ),
    blobs as (
      update document_blobs b set disposal_id = d.id, changed_at = now(), reserved_bytes = 0, reserved_documents = 0,
        reserved_under = null, source_id = null,
        state = case b.state when 'hidden' then 'hidden' else 'leaving' end,
        due_at = case when b.state <> 'hidden' then least(b.due_at, ${dueAt}::timestamptz) end,
        store_id = case when b.store = 'local' then coalesce(b.store_id, ${localStoreId}::uuid) else b.store_id end
      from disposal d, (select count(*) from locked) as waited
      -- The platform may have given another firm a document with this id.
      where b.document_id = d.document_id and b.firm_id = d.firm_id
    )
    insert into document_trail (action, outcome, firm_id, document_id, actor_id, ip, user_agent, request_id, details)
    select 'document.purged', 'ok', firm_id, document_id, ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent},
      ${actor.requestId}, jsonb_build_object('disposal', id, 'why', ${why}::text)
    from disposal`.execute(trx)
}

/** The keys of the platform's local files, whose rows have no store id. */
export async function listFilesWithoutStoreId(db: Db | Tx, { firmId, documentId }: DocumentRef): Promise<StorageKey[]> {
  const { rows } = await sql<{ key: StorageKey }>`
    select distinct v.storage_key as key
    from document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
    where v.firm_id = ${firmId} and v.document_id = ${documentId} and v.store = 'local' and v.store_id is null
      and v.bytes_state = 'present'
      -- If the platform deleted its row, it deleted its file too.
      and d.deleted_by is not null`.execute(db)
  return rows.map(({ key }) => key)
}

/** Counts the blobs of purged documents that are not destroyed yet, by store. */
export async function countDisposedBlobs(
  db: Db,
  documentIds: DocumentId[] | undefined,
): Promise<{ store: StoreName; storeId: StoreId | null; count: number }[]> {
  const { rows } = await sql<{ store: StoreName; storeId: StoreId | null; count: number }>`
    select b.store, b.store_id as "storeId", count(*)::int as count from document_blobs b
    where b.disposal_id is not null and b.state <> 'destroyed'
      ${documentIds === undefined ? sql`` : sql`and b.document_id = any (${documentIds}::uuid[])`}
    group by b.store, b.store_id`.execute(db)
  return rows
}

/** `filesLeft`: files that are not destroyed yet. `filesInOldBuckets`: files that this service cannot destroy. */
export type DisposedDocument = { id: DocumentId; at: Date; filesLeft: number; filesInOldBuckets: number }

/** The documents among these that a purge has destroyed. */
export async function listDisposedDocuments(db: Db, documentIds: DocumentId[]): Promise<DisposedDocument[]> {
  const { rows } = await sql<DisposedDocument>`
    select d.document_id as id, max(d.disposed_at) as at,
      count(b.id) filter (where not ${isInOldBucket})::int as "filesLeft",
      count(b.id) filter (where ${isInOldBucket})::int as "filesInOldBuckets"
    from document_disposals d
    left join document_blobs b on b.disposal_id = d.id and b.state <> 'destroyed'
    where d.document_id = any (${documentIds}::uuid[])
    group by d.document_id order by d.document_id`.execute(db)
  return rows
}

const isInOldBucket = sql<boolean>`(b.store = 's3' and b.store_id is not null)`

/** The state of a document on its way to a purge. */
export type DisposalOf = {
  deletedAt: Date | null
  retainedUntil: Date | null
  isHeld: boolean
  /** The document itself has a hold. */
  hasHold: boolean
  holdReason: string | null
  /** Who set the document's own hold; another person lifts it. */
  heldBy: UserId | null
  /** Whether it is the last verified document of a required type that its firm has. */
  isLastVerified: boolean
  approvedAt: Date | null
  approvedBy: UserId | null
  approvalReason: string | null
}

/** The caller must have checked that the person may see the document. */
export async function findDisposalOf(
  db: Db | Tx,
  { firmId, documentId }: DocumentRef,
): Promise<DisposalOf | undefined> {
  const { rows } = await sql<DisposalOf>`
    select d.deleted_at as "deletedAt", ${retainedUntil} as "retainedUntil", ${hasLegalHold} as "isHeld",
      h.id is not null as "hasHold", h.reason as "holdReason", h.held_by as "heldBy", ${isLastVerified} as "isLastVerified",
      d.purge_approved_at as "approvedAt", d.purge_approved_by as "approvedBy",
      d.purge_approval_reason as "approvalReason"
    from documents d left join document_holds h on h.document_id = d.id
    where d.firm_id = ${firmId} and d.id = ${documentId}`.execute(db)
  return rows[0]
}

/** Who deleted a document that has a verified version now; undefined for another document. */
export async function findVerifiedDeletion(
  trx: Tx,
  { firmId, documentId }: DocumentRef,
): Promise<{ deletedBy: UserId | null } | undefined> {
  const { rows } = await sql<{ deletedBy: UserId | null }>`
    select d.deleted_by as "deletedBy" from documents d
    where d.firm_id = ${firmId} and d.id = ${documentId}
      and exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                    and v.review_status = 'verified')`.execute(trx)
  return rows[0]
}

/**
 * For a document in the trash that the transaction has locked. `by` undefined revokes the approval. False without a
 * change.
 */
export async function setPurgeApproval(
  trx: Tx,
  { firmId, documentId }: DocumentRef,
  { by, reason }: { by: UserId | undefined; reason: string },
): Promise<boolean> {
  const isGiven = by !== undefined
  const { numAffectedRows } = await sql`
    update documents set
      purge_approved_at = case when ${isGiven}::boolean then now() end,
      purge_approved_by = ${by ?? null}::uuid,
      purge_approval_reason = case when ${isGiven}::boolean then ${reason}::text end
    where firm_id = ${firmId} and id = ${documentId} and (purge_approved_at is not null) <> ${isGiven}::boolean`.execute(
    trx,
  )
  return numAffectedRows === 1n
}
