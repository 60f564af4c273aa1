import type { Tx } from '../../database/connection/client.ts'
import type { DocumentType } from '../../database/documents/document-types.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import type { Review } from '../../database/documents/record-review.ts'
import { withdrawMessages } from '../../database/mail/messages.ts'
import { findFirmName, listPeopleOfDocument } from '../../database/mail/recipients.ts'
import { notify, type NotifyNeeds } from '../../mail/notify.ts'
import type { DecisionFacts } from '../../mail/templates/decision.ts'
import type { Actor } from '../../vocabulary/vocabulary.ts'
import { reasonsOf } from '../document-types.ts'

/** Contract §8: a decision can be changed or undone for a minute before anybody is notified. */
const secondsToUndo = 60

const kinds = ['document_verified', 'document_rejected'] as const

type Decided = { document: DocumentRecord; type: DocumentType | undefined; decision: Review }

/**
 * Notifies the uploader, while they are an active member, and the firm's administrators in a minute, instead of what they
 * were to get about an earlier decision on the same version. The reviewer gets nothing.
 */
export async function notifyOfDecision(
  needs: NotifyNeeds,
  trx: Tx,
  actor: Actor,
  { document, type, decision }: Decided,
): Promise<void> {
  const { firmId, id: documentId, versionId, version, uploadedBy, documentType } = document
  const isChange = await withdrawDecision(needs, trx, document)
  const people = await listPeopleOfDocument(trx, { firmId, uploadedBy })
  const userIds = people.filter((userId) => userId !== actor.userId)
  const firmName = await findFirmName(trx, firmId)
  const { comment, validUntil } = decision
  const facts: DecisionFacts = {
    firmId,
    firmName,
    documentId,
    typeName: type?.name ?? documentType,
    version,
    validUntil,
    comment,
    isChange,
  }
  const notice = { firmId, aboutId: versionId, delaySeconds: secondsToUndo }
  if (decision.decision === 'verified')
    return await notify(needs, trx, userIds, { kind: 'document_verified', facts, ...notice })
  const { validUntil: _never, ...about } = facts
  const { text, isFinal } = reasonOf(type, decision)
  const rejection = { ...about, reason: text, isFinal }
  return await notify(needs, trx, userIds, { kind: 'document_rejected', facts: rejection, ...notice })
}

/** Withdraws what nobody has seen of an earlier decision on this version. Returns whether somebody may have seen one. */
export async function withdrawDecision(
  { now }: Pick<NotifyNeeds, 'now'>,
  trx: Tx,
  { versionId }: Pick<DocumentRecord, 'versionId'>,
): Promise<boolean> {
  return await withdrawMessages(trx, { aboutId: versionId, kinds, now: now() })
}

function reasonOf(type: DocumentType | undefined, { reasonCode }: Review): { text: string; isFinal: boolean } {
  const reason = reasonsOf({ rejectReasons: type?.rejectReasons ?? null }).find(({ code }) => code === reasonCode)
  return reason ?? { text: reasonCode ?? '', isFinal: false }
}
