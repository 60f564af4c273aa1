import type { Logger } from 'pino'

import type { Db, Tx } from '../../database/client.ts'
import { type DisposalOf, findDisposalOf, setPurgeApproval } from '../../database/disposal-of.ts'
import type { DocumentRecord } from '../../database/documents.ts'
import { recordEvent } from '../../database/events.ts'
import { setDocumentHold } from '../../database/holds.ts'
import { inTransaction } from '../../database/in-transaction.ts'
import { lockDocument } from '../../database/lock-document.ts'
import type { Membership } from '../../database/membership.ts'
import { AppError } from '../../errors.ts'
import { recordRefusal } from '../../people/record-refusal.ts'
import { requireRight } from '../../people/require-right.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary.ts'
import { noSuchDocument } from '../access-document.ts'
import { tellAccess } from '../tell-access.ts'

/** What is undefined stays as it is. */
export type DisposalChange = {
  firmId: FirmId
  documentId: DocumentId
  isHeld: boolean | undefined
  isApproved: boolean | undefined
  reason: string
}

/**
 * An administrator's word on a document: a legal hold, which no purge passes, or its end; and that the last verified
 * paper of a required type may go from the trash. Throws `conflict` when the latter is said of one that is not there.
 */
export async function changeDisposal(
  needs: { db: Db; log: Logger },
  actor: Actor,
  { firmId, documentId, ...change }: DisposalChange,
): Promise<DisposalOf> {
  const right = 'documents.hold'
  const membership = await requireRight(needs, actor, right, { firmId, documentId })
  const action = rights[right].event
  const disposal = await recordRefusal(needs.db, actor, { action, firmId, documentId }, () =>
    inTransaction(needs.db, async (trx) => {
      const document = await lockDocument(trx, { membership, confidentialRoles }, documentId)
      if (document === undefined) throw noSuchDocument()
      const changed = await apply(trx, membership, document, change)
      if (Object.keys(changed).length > 0) {
        const details = { ...changed, reason: change.reason }
        await recordEvent(trx, actor, { action, outcome: 'ok', firmId, documentId, details })
      }
      return findDisposalOf(trx, { firmId, documentId })
    }),
  )
  if (disposal === undefined) throw noSuchDocument()
  tellAccess(needs.log, actor, { right, firmId, documentId, outcome: 'ok' })
  return disposal
}

/** Yields what was not so already, as the audit trail has it. */
async function apply(
  trx: Tx,
  membership: Membership,
  { firmId, id: documentId, deletedAt }: DocumentRecord,
  { isHeld, isApproved, reason }: Pick<DisposalChange, 'isHeld' | 'isApproved' | 'reason'>,
): Promise<{ hold?: boolean; purge_approved?: boolean }> {
  if (isApproved === true && deletedAt === null)
    throw new AppError('conflict', 'This document is not in the trash: there is nothing to approve yet.')
  const isHoldNew = isHeld !== undefined && (await setDocumentHold(trx, membership, documentId, { isHeld, reason }))
  const by = isApproved === true ? membership.userId : undefined
  const isWordNew = isApproved !== undefined && (await setPurgeApproval(trx, { firmId, documentId }, { by, reason }))
  return { ...(isHoldNew && { hold: isHeld }), ...(isWordNew && { purge_approved: isApproved }) }
}
