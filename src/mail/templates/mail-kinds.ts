import type { FirmId, FirmRole } from '../../vocabulary/vocabulary.ts'
import type { DecisionFacts, RejectionFacts } from './decision.ts'
import type { ExpiryFacts, ReminderFacts } from './renewal.ts'
import type { SecurityChange } from './security-notice.ts'
import type { DisabledWebhookFacts } from './webhook.ts'

/** What each kind of message and of mail says. Facts are stored, so none is a secret. */
export type MailFacts = {
  email_verification: Record<string, never>
  password_reset: Record<string, never>
  /** `expiresAt`: RFC 3339. */
  invitation: { firmName: string; role: FirmRole; expiresAt: string }
  /** `at`: RFC 3339. `name`: of what was added. */
  security_notice: { change: SecurityChange; at: string; name?: string; revokedKeys?: number }
  document_verified: DecisionFacts
  document_rejected: RejectionFacts
  application_submitted: { firmId: FirmId; firmName: string }
  application_approved: { firmId: FirmId; firmName: string }
  application_rejected: { firmId: FirmId; firmName: string; reason: string | null }
  renewal_reminder: ReminderFacts
  document_expired: ExpiryFacts
  webhook_disabled: DisabledWebhookFacts
}

export type MailKind = keyof MailFacts

/** Mails about the account or its security always go out. People choose whether and when they get the others. */
export const isOptional: Record<MailKind, boolean> = {
  email_verification: false,
  password_reset: false,
  invitation: false,
  security_notice: false,
  document_verified: true,
  document_rejected: true,
  application_submitted: true,
  application_approved: true,
  application_rejected: true,
  renewal_reminder: true,
  document_expired: true,
  webhook_disabled: true,
}

/** The page below `PUBLIC_URL` that a mail's link opens, and how long the link works. */
type LinkOfKind = { page: string; seconds: number }

/** The mails whose link has a secret. It is in the fragment, which no browser sends: it reaches no log of a server or a proxy. */
export const linksOfMails: Partial<Record<MailKind, LinkOfKind>> = {
  email_verification: { page: 'verify-email', seconds: 24 * 60 * 60 },
  password_reset: { page: 'reset-password', seconds: 60 * 60 },
  invitation: { page: 'invitation', seconds: 7 * 24 * 60 * 60 },
}
