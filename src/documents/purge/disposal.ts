import type { Db, Tx } from '../../database/client.ts'
import { type DisposalOf, findDisposalOf, setPurgeApproval } from '../../database/disposal-of.ts'
import type { DocumentRecord } from '../../database/documents.ts'
import { setDocumentHold } from '../../database/holds.ts'
import type { Membership } from '../../database/membership.ts'
import { AppError } from '../../errors.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary.ts'
import { accessDocument, type AccessNeeds, changeDocument, noSuchDocument } from '../access-document.ts'

/** What is undefined stays as it is. */
type DisposalChange = {
  firmId: FirmId
  documentId: DocumentId
  isHeld: boolean | undefined
  isApproved: boolean | undefined
  reason: string
}

/**
 * Sets or ends a legal hold, and approves the purge of the last verified document of a required type. Throws `conflict`
 * for an approval outside the trash.
 */
export async function changeDisposal(
  needs: AccessNeeds,
  actor: Actor,
  { firmId, documentId, ...change }: DisposalChange,
): Promise<DisposalOf> {
  const access = { right: 'documents.hold', firmId, documentId } as const
  return changeDocument(needs, actor, access, async ({ trx, membership, document, record }) => {
    const changed = await apply(trx, membership, document, change)
    if (Object.keys(changed).length > 0) await record({ details: { ...changed, reason: change.reason } })
    return requireDisposal(trx, { firmId, documentId })
  })
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

/** What is to become of a document: since when it is in the trash, and what keeps it. For whoever may see it. */
export async function viewDisposal(
  needs: AccessNeeds,
  actor: Actor,
  document: { firmId: FirmId; documentId: DocumentId },
): Promise<DisposalOf> {
  await accessDocument(needs, actor, { ...document, right: 'documents.read' })
  return requireDisposal(needs.db, document)
}

async function requireDisposal(db: Db | Tx, document: Parameters<typeof findDisposalOf>[1]): Promise<DisposalOf> {
  const disposal = await findDisposalOf(db, document)
  if (disposal === undefined) throw noSuchDocument()
  return disposal
}
