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
  /** Whether this is the document that the reviewer saw. `anything`: whatever stands there; undefined: they do not say. */
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
      throw new AppError('forbidden', 'You handed this paper in yourself. Another administrator has to look at it.')
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
    throw new AppError('precondition_required', 'Send the ETag of the document that you looked at as If-Match.')
  if (seen === 'anything')
    throw new AppError(
      'precondition_failed',
      'If-Match: * says nothing of what you saw. Send the ETag of the document that you looked at.',
    )
  if (!seen(document))
    throw new AppError(
      'precondition_failed',
      'The document was changed since you looked at it. Look again, then decide.',
    )
}

/** Last of all, so that who may not decide hears that first. */
function assertDecision({ decision, validUntil }: Review, now: Date): void {
  const today = now.toISOString().slice(0, 10)
  if (decision === 'verified' && validUntil !== null && validUntil < today)
    throw invalid('valid_until', 'is past: a paper that holds no more is rejected')
}

function invalid(field: string, message: string): AppError {
  return new AppError('validation_failed', `Not valid: ${field}: ${message}.`, { fields: [{ field, message }] })
}
