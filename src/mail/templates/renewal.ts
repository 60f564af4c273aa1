import type { DocumentId, FirmId, ReviewStatus } from '../../vocabulary/vocabulary.ts'
import { formatDay, type Letter, linkToFirm, quoteName } from './layout.ts'

export type EndingDocument = {
  documentId: DocumentId
  typeName: string
  /** A day, as in 2027-03-31. */
  validUntil: string
  /** Negative once expired. */
  daysLeft: number
  /** The state of a newer version; null: there is none. */
  newer: ReviewStatus | null
}

/** `more`: documents that the digest does not list. */
export type ReminderFacts = { firmId: FirmId; firmName: string; documents: EndingDocument[]; more: number }

/** The digest of one day to the administrators of a firm. */
export function renewalReminder(
  { firmId, firmName, documents, more }: ReminderFacts,
  publicUrl: string | undefined,
): Letter {
  const firm = quoteName(firmName)
  const expired = documents.filter(({ daysLeft }) => daysLeft < 0).length
  // Those that the digest does not list end later.
  const haveAllExpired = more === 0 && expired === documents.length
  const first = Math.min(...documents.map(({ daysLeft }) => daysLeft))
  const waits = documents.every(({ newer }) => newer === 'pending')
  return {
    subject: `Documents of ${firm}: ${expired === 0 ? `the first ends ${inDays(first)}` : expired === 1 ? 'one has expired' : `${expired} have expired`}`,
    paragraphs: [
      `These documents of the firm ${firm} ${expired === 0 ? 'end soon' : haveAllExpired ? 'have expired' : 'have expired or end soon'}:`,
      ...documents.map(describe),
      ...(more === 0 ? [] : [`And ${more} more.`]),
    ],
    link: linkToFirm(firmId, publicUrl),
    closing: [
      waits
        ? 'You need not do anything: the newer versions wait for their review.'
        : `Get the renewed document, and upload it as a new version of the old one. ${
            haveAllExpired
              ? 'Until the new one is accepted, the firm has no valid one.'
              : 'The old one stays valid until its last day, or until the new one is accepted.'
          }`,
    ],
  }
}

function describe({ typeName, validUntil, daysLeft, newer }: EndingDocument): string {
  const last = formatDay(validUntil)
  const end = daysLeft < 0 ? `expired, its last day was ${last}` : `valid until ${last}, which is ${inDays(daysLeft)}`
  return `${quoteName(typeName)}: ${end}.${newer === null ? '' : ` ${newerSays[newer]}`}`
}

const newerSays: Record<ReviewStatus, string> = {
  pending: 'A newer version waits for its review: you need not do anything about it.',
  rejected: 'A newer version was rejected: upload a corrected one.',
  verified: '',
}

function inDays(days: number): string {
  if (days === 0) return 'today'
  return days === 1 ? 'tomorrow' : `in ${days} days`
}

export type ExpiryFacts = {
  count: number
  /** The first of them. */
  documents: { firmId: FirmId; firmName: string; typeName: string; validUntil: string }[]
}

/** To the administrators of the platform. */
export function documentExpired({ count, documents }: ExpiryFacts, publicUrl: string | undefined): Letter {
  const more = count - documents.length
  const [first] = documents
  return {
    subject: count === 1 ? 'A document has expired' : `${count} documents have expired`,
    paragraphs: [
      count === 1 ? 'An accepted document has expired:' : `${count} accepted documents have expired:`,
      ...documents.map(
        ({ firmName, typeName, validUntil }) =>
          `${quoteName(typeName)} of the firm ${quoteName(firmName)}: its last day was ${formatDay(validUntil)}.`,
      ),
      ...(more === 0 ? [] : [`And ${more} more.`]),
    ],
    link: count === 1 && first !== undefined ? linkToFirm(first.firmId, publicUrl) : undefined,
    closing: [
      'They do not count as verified any more. The administrators of the firms were reminded; decide whether a firm may work without the document.',
    ],
  }
}
