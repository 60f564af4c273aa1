import { sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../vocabulary.ts'
import type { Tx } from './client.ts'
import type { Membership } from './membership.ts'

/** `documentId`: null for all of the firm's. */
type On = { firmId: FirmId; documentId: DocumentId | null }

export type Hold = { isHeld: boolean; reason: string | null }

/** On all that a firm has. False when it was so already. */
export async function setFirmHold(trx: Tx, { firmId, userId }: Membership, hold: Hold): Promise<boolean> {
  await holdFirmStill(trx, firmId, 'alone')
  return set(trx, { firmId, documentId: null }, userId, hold)
}

/** On one document, which the transaction holds. False when it was so already. */
export async function setDocumentHold(
  trx: Tx,
  { firmId, userId }: Membership,
  documentId: DocumentId,
  hold: Hold,
): Promise<boolean> {
  return set(trx, { firmId, documentId }, userId, hold)
}

/**
 * Until the transaction ends nobody sets or lifts a hold on the firm; `alone`: and nobody purges anything of it. So
 * whoever heard that a hold stands knows that nothing goes any more.
 */
export async function holdFirmStill(trx: Tx, firmId: FirmId, how: 'shared' | 'alone'): Promise<void> {
  const lock = sql.raw(how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock')
  await sql`select ${lock}(hashtextextended(${`hold:${firmId}`}, 0))`.execute(trx)
}

async function set(trx: Tx, { firmId, documentId }: On, userId: UserId, { isHeld, reason }: Hold): Promise<boolean> {
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
