import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { Membership } from '../people/membership.ts'

/** `documentId`: null for all of the firm's. */
type HoldTarget = { firmId: FirmId; documentId: DocumentId | null }

export type Hold = { isHeld: boolean; reason: string | null }

/** On all documents of a firm. False without a change. */
export async function setFirmHold(trx: Tx, { firmId, userId }: Membership, hold: Hold): Promise<boolean> {
  await lockFirmHolds(trx, firmId, 'alone')
  return setHold(trx, { firmId, documentId: null }, userId, hold)
}

/** On one document, which the transaction has locked. False without a change. */
export async function setDocumentHold(
  trx: Tx,
  { firmId, userId }: Membership,
  documentId: DocumentId,
  hold: Hold,
): Promise<boolean> {
  return setHold(trx, { firmId, documentId }, userId, hold)
}

/**
 * Until the transaction ends, no other transaction sets or lifts a hold on the firm. `alone` also blocks purges of the firm,
 * so that once a hold is confirmed nothing is destroyed any more.
 */
export async function lockFirmHolds(trx: Tx, firmId: FirmId, how: 'shared' | 'alone'): Promise<void> {
  const lock = sql.raw(how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock')
  await sql`select ${lock}(hashtextextended(${`hold:${firmId}`}, 0))`.execute(trx)
}

async function setHold(
  trx: Tx,
  { firmId, documentId }: HoldTarget,
  userId: UserId,
  { isHeld, reason }: Hold,
): Promise<boolean> {
  const on =
    documentId === null
      ? sql<boolean>`firm_id = ${firmId} and document_id is null`
      : sql<boolean>`document_id = ${documentId}`
  if (!isHeld) {
    const { numAffectedRows } = await sql`delete from document_holds where ${on}`.execute(trx)
    return numAffectedRows === 1n
  }
  const { rows } = await sql`
    with changed as (
      update document_holds set reason = ${reason} where ${on} and reason is distinct from ${reason} returning id
    ),
    made as (
      insert into document_holds (firm_id, document_id, reason, held_by)
      select ${firmId}, ${documentId}::uuid, ${reason}, ${userId}
      where not exists (select from document_holds where ${on})
      returning id
    )
    select id from changed union all select id from made`.execute(trx)
  return rows.length === 1
}

export type HeldObject = { firmId: FirmId; documentId: DocumentId; key: StorageKey }

type Page = { after: StorageKey | undefined; limit: number }

/** S3 objects of documents under a legal hold, including sources of moves, that have no object hold yet. */
export async function listObjectsToHold(db: Db, { after, limit }: Page): Promise<HeldObject[]> {
  const { rows } = await sql<HeldObject>`
    with held as (
      select d.firm_id, d.id from document_holds h join documents d on d.id = h.document_id
      union
      select d.firm_id, d.id from document_holds h join documents d on d.firm_id = h.firm_id where h.document_id is null
    ),
    places as (
      select v.firm_id, v.document_id, v.storage_key
      from held d join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
      where v.store = 's3' and v.bytes_state <> 'removed'
      union
      select b.firm_id, b.document_id, b.storage_key
      from held d join document_blobs b on b.document_id = d.id
      where b.store = 's3' and b.store_id is null and b.state = 'leaving'
    )
    select p.firm_id as "firmId", p.document_id as "documentId", p.storage_key as key from places p
    where not exists (select from document_object_holds o where o.storage_key = p.storage_key)
      and p.storage_key > ${after ?? ''}
    order by p.storage_key limit ${limit}`.execute(db)
  return rows
}

/** S3 objects with an object hold whose document has no legal hold any more, or no longer exists. */
export async function listObjectsToRelease(db: Db, { after, limit }: Page): Promise<HeldObject[]> {
  const { rows } = await sql<HeldObject>`
    select o.firm_id as "firmId", o.document_id as "documentId", o.storage_key as key from document_object_holds o
    where not exists (select from document_holds h where h.document_id = o.document_id)
      and not exists (
        select from document_holds h
        where h.document_id is null
          and h.firm_id = coalesce((select d.firm_id from documents d where d.id = o.document_id limit 1), o.firm_id))
      and o.storage_key > ${after ?? ''}
    order by o.storage_key limit ${limit}`.execute(db)
  return rows
}

export async function recordObjectHold(db: Db, { firmId, documentId, key }: HeldObject): Promise<void> {
  await sql`insert into document_object_holds (storage_key, firm_id, document_id)
    values (${key}, ${firmId}, ${documentId}) on conflict do nothing`.execute(db)
}

export async function deleteObjectHold(db: Db, { key }: HeldObject): Promise<void> {
  await sql`delete from document_object_holds where storage_key = ${key}`.execute(db)
}
