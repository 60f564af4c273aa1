import { sql } from 'kysely'

import type { DocumentId, FirmId, StorageKey, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** `documentId` null: all documents of the firm. */
export type HoldTarget = { firmId: FirmId; documentId: DocumentId | null }

// `documents/purge/disposal.ts` has the use cases.

/**
 * SQL: whether document `d` or its firm has a legal hold: then no purge destroys it. Without `offset 0` the planner may read
 * the whole table to build a hash, instead of using an index.
 */
export const hasLegalHold = sql<boolean>`(
  exists (select from document_holds h where h.document_id = d.id offset 0)
  or exists (select from document_holds h where h.firm_id = d.firm_id and h.document_id is null offset 0))`

type NewHold = { reason: string | null; by: UserId }

/** Sets the hold on all documents of a firm. False without a change. */
export async function setFirmHold(trx: Tx, firmId: FirmId, hold: NewHold): Promise<boolean> {
  await lockFirmHolds(trx, firmId, 'alone')
  return setHold(trx, { firmId, documentId: null }, hold)
}

/** Sets the hold on one document, which the transaction has locked. False without a change. */
export async function setDocumentHold(trx: Tx, target: HoldTarget, hold: NewHold): Promise<boolean> {
  return setHold(trx, target, hold)
}

/** `own`: the person set it, and another one has to lift it. */
export type Lifting = 'lifted' | 'none' | 'own'

/** Lifts the hold on a firm, or on one document, which the transaction has locked. `by` undefined: the command line. */
export async function liftHold(trx: Tx, { firmId, documentId }: HoldTarget, by: UserId | undefined): Promise<Lifting> {
  if (documentId === null) await lockFirmHolds(trx, firmId, 'alone')
  const on = isOn({ firmId, documentId })
  const { rows } = await sql<{ isOwn: boolean }>`
    select held_by is not distinct from ${by ?? null}::uuid as "isOwn" from document_holds where ${on} for update`.execute(
    trx,
  )
  const [hold] = rows
  if (hold === undefined) return 'none'
  if (hold.isOwn) return 'own'
  await sql`delete from document_holds where ${on}`.execute(trx)
  return 'lifted'
}

/**
 * Until the transaction ends, no other transaction sets or lifts a hold on the firm. `alone` also blocks purges of the firm:
 * after a hold is confirmed, no file is destroyed.
 */
export async function lockFirmHolds(trx: Tx, firmId: FirmId, how: 'shared' | 'alone'): Promise<void> {
  const lock = sql.raw(how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock')
  await sql`select ${lock}(hashtextextended(${`hold:${firmId}`}, 0))`.execute(trx)
}

const isOn = ({ firmId, documentId }: HoldTarget) =>
  documentId === null
    ? sql<boolean>`firm_id = ${firmId} and document_id is null`
    : sql<boolean>`document_id = ${documentId}`

/** A changed reason leaves the hold its person. */
async function setHold(trx: Tx, target: HoldTarget, { reason, by }: NewHold): Promise<boolean> {
  const { firmId, documentId } = target
  const on = isOn(target)
  const { rows } = await sql`
    with changed as (
      update document_holds set reason = ${reason} where ${on} and reason is distinct from ${reason} returning id
    ),
    made as (
      insert into document_holds (firm_id, document_id, reason, held_by)
      select ${firmId}, ${documentId}::uuid, ${reason}, ${by}
      where not exists (select from document_holds where ${on})
      returning id
    )
    select id from changed union all select id from made`.execute(trx)
  return rows.length === 1
}

/** `firmId`: of the document now, which the platform may have given to another firm. */
export type HoldRecord = HoldTarget & { reason: string | null; heldBy: UserId; heldAt: Date }

/** SQL: each hold. */
const holds = sql`(
  select coalesce((select d.firm_id from documents d where d.id = h.document_id limit 1), h.firm_id) as "firmId",
    h.document_id as "documentId", h.reason, h.held_by as "heldBy", h.held_at as "heldAt"
  from document_holds h`

/** Only for operators. In the order of firms, those on a whole firm first. */
export async function listHolds(db: Db): Promise<HoldRecord[]> {
  const { rows } = await sql<HoldRecord>`
    select * from ${holds}) as hold order by "firmId", "documentId" nulls first`.execute(db)
  return rows
}

export type TargetOfHold = { firmId: string } | { documentId: string }

/** Only for operators. */
export async function findHold(db: Db | Tx, of: TargetOfHold): Promise<HoldRecord | undefined> {
  const isMeant =
    'firmId' in of ? sql`h.firm_id = ${of.firmId} and h.document_id is null` : sql`h.document_id = ${of.documentId}`
  const { rows } = await sql<HoldRecord>`select * from ${holds} where ${isMeant}) as hold`.execute(db)
  return rows[0]
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
