import type { Db } from '../database/connection/client.ts'
import { type ClaimedMail, countMailsTo } from '../database/mail/mails.ts'
import type { MailKind } from './templates/mail-kinds.ts'

/** Enough for a day of decisions. Only the platform's own people cause these. */
const fromThePlatform = { perHour: 500, perDay: 2000 }

/** The maximum to one address. Others may cause these mails: a firm invites any address, and anybody may ask for a link. */
export const maxMailsTo: Record<MailKind, { perHour: number; perDay: number }> = {
  email_verification: { perHour: 5, perDay: 10 },
  // As many as the hours allow: others could use up a day's links, while the last of an hour works for an hour.
  password_reset: { perHour: 5, perDay: 24 * 5 },
  invitation: { perHour: 3, perDay: 5 },
  security_notice: { perHour: 20, perDay: 50 },
  document_verified: fromThePlatform,
  document_rejected: fromThePlatform,
  application_submitted: fromThePlatform,
  application_approved: fromThePlatform,
  application_rejected: fromThePlatform,
  renewal_reminder: fromThePlatform,
  document_expired: fromThePlatform,
  webhook_disabled: fromThePlatform,
  daily_digest: fromThePlatform,
}

/** Whether the address of a mail got as many of its kind as one address may, from all people together. The mail counts. */
export async function hasTooMany(db: Db, mail: ClaimedMail, now: Date): Promise<boolean> {
  const { perHour, perDay } = maxMailsTo[mail.kind as MailKind]
  const sent = await countMailsTo(db, mail, now)
  return sent.hour > perHour || sent.day > perDay
}
