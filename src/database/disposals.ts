import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, StoreId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'
import type { EventActor } from './events.ts'
import { noteRemovals } from './note-removals.ts'

type Of = { firmId: FirmId; documentId: DocumentId }

export type Disposal = {
  why: string
  /** Who destroys it: the daily job, or whoever gave the command. */
  by: string
  /** From when its bytes may go. */
  dueAt: Date
  /** The disk of files whose rows, as the platform's, name none. */
  localStoreId: StoreId
}

/**
 * A document that the transaction holds is no more: its rows go, the record of it comes, and every place where bytes of
 * it may lie is named in the record and noted for removal, also those that moves left behind.
 */
export async function disposeDocument(
  trx: Tx,
  actor: EventActor,
  { firmId, documentId }: Of,
  { why, by, dueAt, localStoreId }: Disposal,
): Promise<void> {
  const diskOf = (table: 'v' | 'r') => {
    const storeId = sql.raw(`${table}.store_id`)
    return sql`case ${sql.raw(`${table}.store`)} when 'local' then coalesce(${storeId}, ${localStoreId}::uuid) end`
  }
  await sql`
    with versions as materialized (
      select * from document_versions where firm_id = ${firmId} and document_id = ${documentId}
    ),
    places as materialized (
      select v.store, ${diskOf('v')} as store_id, v.storage_key from versions v where v.bytes_state <> 'removed'
      union
      select r.store, ${diskOf('r')}, r.storage_key
      from document_removals r join versions v on v.firm_id = r.firm_id and v.id = r.version_id
    ),
    aside as (
      select distinct q.store, q.store_id, q.quarantine_key
      from document_quarantined q join versions v on v.storage_key = q.storage_key and v.store = q.store
        and (v.store_id is null or v.store_id = q.store_id)
      where v.scan_status = 'infected'
    ),
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
    files as (
      insert into document_disposed_files (disposal_id, firm_id, store, store_id, storage_key, is_quarantined)
      select d.id, d.firm_id, p.store, p.store_id, p.storage_key, false from disposal d, places p
      union all select d.id, d.firm_id, q.store, q.store_id, q.quarantine_key, true from disposal d, aside q
      on conflict do nothing
    ),
    noted as (${noteRemovals(sql`
      select d.firm_id, null::uuid, p.store, p.store_id, p.storage_key, ${dueAt}::timestamptz from disposal d, places p`)}
    )
    insert into document_events (action, outcome, firm_id, document_id, actor_id, ip, user_agent, request_id, details)
    select 'document.purged', 'ok', firm_id, document_id, ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent},
      ${actor.requestId}, jsonb_build_object('disposal', id, 'why', ${why}::text)
    from disposal`.execute(trx)
}

/** Where files of a document should lie whose rows name no disk: the platform's. */
export async function listDisklessFiles(db: Db | Tx, { firmId, documentId }: Of): Promise<StorageKey[]> {
  const { rows } = await sql<{ key: StorageKey }>`
    select distinct v.storage_key as key
    from document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
    where v.firm_id = ${firmId} and v.document_id = ${documentId} and v.store = 'local' and v.store_id is null
      and v.bytes_state = 'present'
      -- Whose row the platform deleted itself: so did it the file.
      and d.deleted_by is not null`.execute(db)
  return rows.map(({ key }) => key)
}
