import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import type { DocumentRecord } from '../database/documents.ts'
import { recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { lockDocument } from '../database/lock-document.ts'
import { handedIn, recordReview, type Review } from '../database/record-review.ts'
import { AppError } from '../errors.ts'
import { recordRefusal } from '../people/record-refusal.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Scanner } from '../scanner/scanner.ts'
import type { Actor, Clock, DocumentId, FirmId } from '../vocabulary.ts'
import { noSuchDocument } from './access-document.ts'
import { assertServable } from './assert-servable.ts'
import { tellAccess } from './tell-access.ts'

export type ReviewNeeds = { db: Db; log: Logger; scanner: Scanner | undefined; now: Clock }

export type ReviewRequest = {
  firmId: FirmId
  documentId: DocumentId
  review: Review
  /** Whether this is the document that the reviewer saw. `anything`: whatever stands there; undefined: they do not say. */
  seen: ((document: DocumentRecord) => boolean) | 'anything' | undefined
}

/**
 * Decides on the current version of a document: the one that the reviewer saw, and no other. Throws `forbidden` to
 * whoever handed it in, `precondition_required`, `precondition_failed`, `validation_failed`, and what stands in the way of
 * reading it.
 */
export async function reviewDocument(
  needs: ReviewNeeds,
  actor: Actor,
  { firmId, documentId, review, seen }: ReviewRequest,
): Promise<DocumentRecord> {
  const membership = await requireRight(needs, actor, 'documents.review', { firmId, documentId })
  const seeing = { membership, confidentialRoles }
  const action = rights['documents.review'].event
  const reviewed = await recordRefusal(needs.db, actor, { action, firmId, documentId }, () =>
    inTransaction(needs.db, async (trx) => {
      const document = await lockDocument(trx, seeing, documentId)
      if (document === undefined) throw noSuchDocument()
      if (await handedIn(trx, document, actor))
        throw new AppError('forbidden', 'You handed this paper in yourself. Another administrator has to look at it.')
      assertAsSeen(document, seen)
      assertServable(document, needs)
      assertDecision(review, needs.now())
      const changed = await recordReview(trx, actor, document, review)
      await recordEvent(trx, actor, {
        action,
        outcome: 'ok',
        firmId,
        documentId,
        version: changed.version,
        details: {
          decision: review.decision,
          reason_code: review.reasonCode,
          comment: review.comment,
          valid_until: review.validUntil,
        },
      })
      return changed
    }),
  )
  tellAccess(needs.log, actor, { right: 'documents.review', firmId, documentId, outcome: 'ok' })
  return reviewed
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
