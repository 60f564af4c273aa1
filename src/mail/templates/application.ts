import { type Letter, linkToFirm, quoteComment, quoteName } from './layout.ts'
import type { MailFacts } from './mail-kinds.ts'

/** To the administrators of the platform. */
export function applicationSubmitted(
  { firmId, firmName }: MailFacts['application_submitted'],
  publicUrl: string | undefined,
): Letter {
  const firm = quoteName(firmName)
  return {
    subject: `Application of ${firm}`,
    paragraphs: [`The firm ${firm} submitted its application. All required documents are accepted.`],
    link: linkToFirm(firmId, publicUrl),
    closing: ['Approve or reject the application.'],
  }
}

export function applicationApproved(
  { firmId, firmName }: MailFacts['application_approved'],
  publicUrl: string | undefined,
): Letter {
  const firm = quoteName(firmName)
  return {
    subject: `Approved: application of ${firm}`,
    paragraphs: [`The application of the firm ${firm} was approved.`],
    link: linkToFirm(firmId, publicUrl),
    closing: ['You need not do anything. The administrators of the firm are reminded before a document expires.'],
  }
}

export function applicationRejected(
  { firmId, firmName, reason }: MailFacts['application_rejected'],
  publicUrl: string | undefined,
): Letter {
  const firm = quoteName(firmName)
  return {
    subject: `Rejected: application of ${firm}`,
    paragraphs: [
      `The application of the firm ${firm} was rejected.`,
      ...(reason === null ? [] : [`Reason: ${quoteComment(reason)}`]),
    ],
    link: linkToFirm(firmId, publicUrl),
    closing: ['Correct what the reason names, then submit the application again.'],
  }
}
