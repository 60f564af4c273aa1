import type { MailFacts, MailKind } from './mail-kinds.ts'
import { emailVerification, passwordReset } from './account-mails.ts'
import { applicationApproved, applicationRejected, applicationSubmitted } from './application.ts'
import { dailyDigest } from './daily-digest.ts'
import { documentRejected, documentVerified } from './decision.ts'
import { invitation } from './invitation.ts'
import { type Letter, type MailContent, writeLetter, writeMessage } from './layout.ts'
import { linksOfMails } from './mail-kinds.ts'
import { documentExpired, renewalReminder } from './renewal.ts'
import { securityNotice } from './security-notice.ts'
import { webhookDisabled } from './webhook.ts'

type Template<Kind extends MailKind> = (facts: MailFacts[Kind], url: string | undefined) => Letter

const templates: { [Kind in MailKind]: Template<Kind> } = {
  email_verification: emailVerification,
  password_reset: passwordReset,
  invitation,
  security_notice: securityNotice,
  document_verified: documentVerified,
  document_rejected: documentRejected,
  application_submitted: applicationSubmitted,
  application_approved: applicationApproved,
  application_rejected: applicationRejected,
  renewal_reminder: renewalReminder,
  document_expired: documentExpired,
  webhook_disabled: webhookDisabled,
  daily_digest: dailyDigest,
}

/** `url`: the link with its secret, for a kind that has one; `PUBLIC_URL` for the others. */
export function composeMail<Kind extends MailKind>(kind: Kind, facts: MailFacts[Kind], url: string): MailContent {
  return writeLetter(templates[kind](facts, url))
}

/** The same as a message, without the link that has a secret. */
export function composeMessage<Kind extends MailKind>(
  kind: Kind,
  facts: MailFacts[Kind],
  publicUrl: string | undefined,
): { subject: string; text: string } {
  return writeMessage(templates[kind](facts, linksOfMails[kind] === undefined ? publicUrl : undefined))
}
