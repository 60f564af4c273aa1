import { findDocumentType } from '../../database/documents/document-types.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import { hasUploaded, recordReview, type Review } from '../../database/documents/record-review.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { Actor, Clock, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { type AccessNeeds, changeDocument } from '../access-document.ts'
import { assertServable } from '../download/assert-servable.ts'
import { assertNotClaimed, ownUpload } from './claim-document.ts'
import { completeDecision } from './complete-decision.ts'
import { notifyOfDecision } from './notify-decision.ts'

export type ReviewNeeds = AccessNeeds & { scanner: Scanner | undefined; now: Clock; mailIsOn: boolean }

export type ReviewRequest = {
  firmId: FirmId
  documentId: DocumentId
  review: Review
  /** Whether this is the document that the reviewer saw. `anything`: If-Match is `*`; undefined: there is no If-Match. */
  seen: ((document: DocumentRecord) => boolean) | 'anything' | undefined
}

/**
 * Decides on the current version, if it is the one that the reviewer saw. Throws `forbidden` to its uploader, `claimed` when
 * another person has claimed it, `precondition_required`, `precondition_failed`, `validation_failed`, and what prevents reading it.
 */
export async function reviewDocument(
  needs: ReviewNeeds,
  actor: Actor,
  { firmId, documentId, review, seen }: ReviewRequest,
): Promise<DocumentRecord> {
  const access = { right: 'documents.review', firmId, documentId } as const
  return changeDocument(needs, actor, access, async ({ trx, document, record }) => {
    if (await hasUploaded(trx, document, actor)) throw ownUpload()
    assertAsSeen(document, seen)
    await assertNotClaimed(trx, actor, document, needs.now())
    assertServable(document, needs)
    // Checked last: a missing right is reported first.
    const type = await findDocumentType(trx, document.documentType)
    const decision = completeDecision(review, { type, document, now: needs.now() })
    const changed = await recordReview(trx, actor, document, decision)
    await record({
      version: changed.version,
      details: {
        decision: decision.decision,
        reason_code: decision.reasonCode,
        comment: decision.comment,
        valid_until: decision.validUntil,
      },
    })
    await notifyOfDecision(needs, trx, actor, { document, type, decision })
    return changed
  })
}

function assertAsSeen(document: DocumentRecord, seen: ReviewRequest['seen']): void {
  if (seen === undefined)
    throw new AppError('precondition_required', 'Send the ETag of the document that you reviewed as If-Match.')
  if (seen === 'anything')
    throw new AppError(
      'precondition_failed',
      'If-Match: * does not name a version. Send the ETag of the document that you reviewed.',
    )
  if (!seen(document))
    throw new AppError('precondition_failed', 'The document has changed since you read it. Read it again, then decide.')
}
