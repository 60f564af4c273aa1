import { sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'
import { isHeld, isLastVerified, retainedUntil } from './purgeable.ts'

/** What is to become of a document, and what stands before it. */
export type DisposalOf = {
  deletedAt: Date | null
  retainedUntil: Date | null
  isHeld: boolean
  /** On the document itself. */
  hasHold: boolean
  holdReason: string | null
  /** Whether it is the last verified paper of a required type that its firm has. */
  isLastVerified: boolean
  approvedAt: Date | null
  approvedBy: UserId | null
  approvalReason: string | null
}

type Of = { firmId: FirmId; documentId: DocumentId }

/** That the document may be seen is the caller's to check. */
export async function findDisposalOf(db: Db | Tx, { firmId, documentId }: Of): Promise<DisposalOf | undefined> {
  const { rows } = await sql<DisposalOf>`
    select d.deleted_at as "deletedAt", ${retainedUntil} as "retainedUntil", ${isHeld} as "isHeld",
      h.id is not null as "hasHold", h.reason as "holdReason", ${isLastVerified} as "isLastVerified",
      d.purge_approved_at as "approvedAt", d.purge_approved_by as "approvedBy",
      d.purge_approval_reason as "approvalReason"
    from documents d left join document_holds h on h.document_id = d.id
    where d.firm_id = ${firmId} and d.id = ${documentId}`.execute(db)
  return rows[0]
}

/** Of a document in the trash that the transaction holds. `by` undefined: the word is taken back. False when it was so already. */
export async function setPurgeApproval(
  trx: Tx,
  { firmId, documentId }: Of,
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
