import { sql } from 'kysely'

import type { Actor } from '../../vocabulary/vocabulary.ts'
import type { Tx } from '../connection/client.ts'
import { documentColumns, type DocumentRecord } from './documents.ts'
import { showVersion } from './shown-version.ts'

export type Review = {
  decision: 'verified' | 'rejected'
  reasonCode: string | null
  comment: string | null
  /** A day, as in 2027-03-31. */
  validUntil: string | null
}

/** Whether this person uploaded this content, as this version of the document or another. */
export async function hasUploaded(trx: Tx, { firmId, id, versionId, sha256 }: DocumentRecord, actor: Actor) {
  const { rows } = await sql`
    select from document_versions
    where firm_id = ${firmId} and document_id = ${id} and uploaded_by = ${actor.userId}
      and (id = ${versionId} or sha256 = ${sha256})
    limit 1`.execute(trx)
  return rows.length > 0
}

/** Records the decision on the current version of a document that the transaction has locked, and in the platform's row. */
export async function recordReview(
  trx: Tx,
  actor: Actor,
  { firmId, id, versionId }: DocumentRecord,
  review: Review,
): Promise<DocumentRecord> {
  await sql`
    with v as (
      update document_versions set review_status = ${review.decision}, review_reason = ${review.reasonCode},
        review_comment = ${review.comment}, valid_until = ${review.validUntil}::date, expired_at = null, reviewed_by = ${actor.userId},
        reviewed_at = now()
      where firm_id = ${firmId} and document_id = ${id} and id = ${versionId}
    )
    update documents set updated_at = now() where firm_id = ${firmId} and id = ${id}`.execute(trx)
  await showVersion(trx, { firmId, documentId: id }, { mayAppear: false, isDecision: true })
  // A statement of its own, which sees the decision.
  const { rows } = await sql<DocumentRecord>`
    select ${documentColumns} from documents d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.id = ${versionId}
    where d.firm_id = ${firmId} and d.id = ${id}`.execute(trx)
  const [document] = rows
  if (document === undefined) throw new Error('a version that the transaction has locked is missing')
  return document
}
