import type { FirmId, FirmRole } from '../../vocabulary/vocabulary.ts'
import type { DecisionFacts, RejectionFacts } from './decision.ts'
import type { DailyDigestFacts } from './daily-digest.ts'
import type { ExpiryFacts, ReminderFacts } from './renewal.ts'
import type { SecurityChange } from './security-notice.ts'
import type { DisabledWebhookFacts } from './webhook.ts'

/** What each kind of message and of mail says. Facts are stored, so none is a secret. */
export type MailFacts = {
  email_verification: Record<string, never>
  password_reset: Record<string, never>
  /** `expiresAt`: RFC 3339. */
  invitation: { firmName: string; role: FirmRole; expiresAt: string }
  /** `at`: RFC 3339. `name`: of what was added. `noReset`: nobody can reset a password by mail. */
  security_notice: { change: SecurityChange; at: string; name?: string; revokedKeys?: number; noReset?: true }
  document_verified: DecisionFacts
  document_rejected: RejectionFacts
  application_submitted: { firmId: FirmId; firmName: string }
  application_approved: { firmId: FirmId; firmName: string }
  application_rejected: { firmId: FirmId; firmName: string; reason: string | null }
  renewal_reminder: ReminderFacts
  document_expired: ExpiryFacts
  webhook_disabled: DisabledWebhookFacts
  /** It is no message: it has the messages of a day. */
  daily_digest: DailyDigestFacts
}

export type MailKind = keyof MailFacts

/**
 * Who decides whether and when a mail goes out. `always`: nobody, it is about the account or its security, or invites.
 * `as_chosen`: its person, by their preferences. `unless_off`: the same, but it is a digest of a day already, whose words
 * are those of this day, so it does not wait for another.
 */
export const choiceOf: Record<MailKind, 'always' | 'as_chosen' | 'unless_off'> = {
  email_verification: 'always',
  password_reset: 'always',
  invitation: 'always',
  security_notice: 'always',
  document_verified: 'as_chosen',
  document_rejected: 'as_chosen',
  application_submitted: 'as_chosen',
  application_approved: 'as_chosen',
  application_rejected: 'as_chosen',
  renewal_reminder: 'unless_off',
  document_expired: 'as_chosen',
  daily_digest: 'unless_off',
  webhook_disabled: 'as_chosen',
}

/** The page below `PUBLIC_URL` that a mail's link opens, and how long the link works. */
type LinkOfKind = { page: string; seconds: number }

/** The mails whose link has a secret. It is in the fragment, which no browser sends: it reaches no log of a server or a proxy. */
export const linksOfMails: Partial<Record<MailKind, LinkOfKind>> = {
  email_verification: { page: 'verify-email', seconds: 24 * 60 * 60 },
  password_reset: { page: 'reset-password', seconds: 60 * 60 },
  invitation: { page: 'invitation', seconds: 7 * 24 * 60 * 60 },
}
