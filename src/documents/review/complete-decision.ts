import type { DocumentType } from '../../database/documents/document-types.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import type { Review } from '../../database/documents/record-review.ts'
import { AppError } from '../../errors/app-error.ts'
import { addMonths, dayInJohannesburg } from '../../vocabulary/days.ts'
import { reasonsOf } from '../document-types.ts'

type Context = { type: DocumentType | undefined; document: Pick<DocumentRecord, 'reviewStatus'>; now: Date }

/**
 * Checks a decision by the rules of the document's type, and adds the last day of validity. Contract §8: a rejection names
 * a reason of the type, `other` needs a comment, and so does the change of a decision. Throws `validation_failed`.
 */
export function completeDecision(review: Review, { type, document, now }: Context): Review {
  if (document.reviewStatus !== 'pending' && review.comment === null)
    throw invalid(
      'comment',
      `is needed to change a decision: this version is ${decided[document.reviewStatus]} already`,
    )
  if (review.decision === 'rejected') {
    assertReason(review, type)
    return { ...review, validUntil: null }
  }
  if (review.reasonCode !== null) throw invalid('reason_code', 'is only for a rejection')
  return { ...review, validUntil: lastDayOf(review, type, dayInJohannesburg(now)) }
}

/** As people read it on the page and in mails. */
const decided = { verified: 'accepted', rejected: 'rejected' } as const

function lastDayOf({ validUntil }: Review, type: DocumentType | undefined, today: string): string | null {
  const months = type?.validityMonths ?? null
  if (validUntil === null && months !== null) return addMonths(today, months)
  if (validUntil === null && type?.validityStated === true)
    throw invalid('valid_until', 'is needed: enter the last day that the document states')
  if (validUntil === null) return null
  if (validUntil < today) throw invalid('valid_until', 'is in the past: reject an expired document')
  return validUntil
}

/** A type that was removed has the common reasons. */
function assertReason({ reasonCode, comment }: Review, type: DocumentType | undefined): void {
  const codes = reasonsOf({ rejectReasons: type?.rejectReasons ?? null }).map(({ code }) => code)
  if (reasonCode === null || !codes.includes(reasonCode))
    throw invalid('reason_code', `must be one of: ${codes.join(', ')}`)
  if (reasonCode === 'other' && comment === null) throw invalid('comment', 'is needed to explain the reason "other"')
}

function invalid(field: string, message: string): AppError {
  return new AppError('validation_failed', `Not valid: ${field}: ${message}.`, { fields: [{ field, message }] })
}
