import type { DocumentRecord } from '../../database/documents/documents.ts'
import { hasUploaded, recordReview, type Review } from '../../database/documents/record-review.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { Actor, Clock, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { type AccessNeeds, changeDocument } from '../access-document.ts'
import { assertServable } from '../download/assert-servable.ts'

export type ReviewNeeds = AccessNeeds & { scanner: Scanner | undefined; now: Clock }

export type ReviewRequest = {
  firmId: FirmId
  documentId: DocumentId
  review: Review
  /** Whether this is the document that the reviewer saw. `anything`: If-Match is `*`; undefined: there is no If-Match. */
  seen: ((document: DocumentRecord) => boolean) | 'anything' | undefined
}

/**
 * Decides on the current version, if it is the one that the reviewer saw. Throws `forbidden` to its uploader,
 * `precondition_required`, `precondition_failed`, `validation_failed`, and what prevents reading it.
 */
export async function reviewDocument(
  needs: ReviewNeeds,
  actor: Actor,
  { firmId, documentId, review, seen }: ReviewRequest,
): Promise<DocumentRecord> {
  const access = { right: 'documents.review', firmId, documentId } as const
  return changeDocument(needs, actor, access, async ({ trx, document, record }) => {
    if (await hasUploaded(trx, document, actor))
      throw new AppError('forbidden', 'You uploaded this document yourself. Another administrator has to review it.')
    assertAsSeen(document, seen)
    assertServable(document, needs)
    assertDecision(review, needs.now())
    const changed = await recordReview(trx, actor, document, review)
    await record({
      version: changed.version,
      details: {
        decision: review.decision,
        reason_code: review.reasonCode,
        comment: review.comment,
        valid_until: review.validUntil,
      },
    })
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

/** Checked last: a missing right is reported first. */
function assertDecision({ decision, validUntil }: Review, now: Date): void {
  const today = now.toISOString().slice(0, 10)
  if (decision === 'verified' && validUntil !== null && validUntil < today)
    throw invalid('valid_until', 'is in the past: reject an expired document')
}

function invalid(field: string, message: string): AppError {
  return new AppError('validation_failed', `Not valid: ${field}: ${message}.`, { fields: [{ field, message }] })
}
