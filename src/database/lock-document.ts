import { sql } from 'kysely'

import type { DocumentId, FirmId } from '../vocabulary.ts'
import type { Tx } from './client.ts'
import { type DocumentRecord, findDocument, type Seeing } from './documents.ts'

/** Holds a document until the transaction ends, and reads it as it then stands; undefined when there is none that this member may see. */
export async function lockDocument(
  trx: Tx,
  seeing: Seeing,
  documentId: DocumentId,
): Promise<DocumentRecord | undefined> {
  await holdDocument(trx, { firmId: seeing.membership.firmId, documentId })
  // A statement of its own: one that waits for a lock goes on with what it saw before.
  return findDocument(trx, seeing, documentId)
}

type Of = { firmId: FirmId; documentId: DocumentId }

/**
 * Holds a document, and follows now what the platform changed and nobody could follow yet, so that nothing is written over
 * it.
 */
export async function holdDocument(trx: Tx, { firmId, documentId }: Of): Promise<void> {
  await holdRows(trx, { firmId, documentId })
  // A statement of its own, as above.
  await sql`select document_follow_held(${firmId}, ${documentId})`.execute(trx)
}

/**
 * First the document's lock by name, then the platform's row, then ours: the order in which the platform's own UPDATE
 * takes those two. A row of the platform's that comes to be while one waits for ours is held by nobody, and may be taken
 * by who then waits for ours: so whoever waits holds nothing of the document.
 */
export async function holdRows(trx: Tx, { firmId, documentId }: Of): Promise<void> {
  // document_follow_noted (0008-follow-the-platform) knows this name too.
  await sql`select pg_advisory_xact_lock(hashtextextended('document:' || ${documentId}::uuid, 0))`.execute(trx)
  // A statement of its own, as above.
  await sql`
    with shown as materialized (
      select id from firm_documents where id = ${documentId} and firm_id = ${firmId} for update
    )
    select from documents d, (select count(*) from shown) as waited
    where d.firm_id = ${firmId} and d.id = ${documentId} for update of d`.execute(trx)
}
