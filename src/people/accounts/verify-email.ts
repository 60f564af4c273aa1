import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findAccountOfLink } from '../../database/mail/link-tokens.ts'
import { findUnverifiedEmail, insertUnverifiedEmail, verifyEmailOf } from '../../database/people/unverified-emails.ts'
import { AppError } from '../../errors/app-error.ts'
import { queueMail } from '../../mail/notify.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import type { Actor, Clock, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { recordDenial, requirePerson } from '../require-right.ts'

/** A new account must verify its e-mail before it uploads. Call it only where mail is on. */
export async function awaitVerification(trx: Tx, account: { id: UserId; email: string }): Promise<void> {
  await insertUnverifiedEmail(trx, account.id)
  await queueMail(trx, { kind: 'email_verification', to: account.email, facts: {} })
}

/** Verifies the e-mail that got this link. The link works until it expires, so that opening it twice is no failure. */
export async function verifyEmail({ db, now }: { db: Db; now: Clock }, visitor: Visitor, token: string): Promise<void> {
  const caller = { ...visitor, userId: null }
  await recordDenial(db, caller, { action: 'email.verified' }, () =>
    inTransaction(db, async (trx) => {
      const sha256 = hashSecret(token)
      const userId = await findAccountOfLink(trx, { sha256, purpose: 'email_verification', now: now() })
      if (userId === undefined)
        throw new AppError('forbidden', 'This link is not valid any more. Log in and ask for a new one.')
      if (await verifyEmailOf(trx, userId))
        await recordEvent(trx, { ...visitor, userId }, { action: 'email.verified', outcome: 'ok' })
    }),
  )
}

/** Sends the caller another link, unless their e-mail counts as verified or mail is off. */
export async function requestVerification(
  { db, mailIsOn }: { db: Db; mailIsOn: boolean },
  actor: Actor,
): Promise<void> {
  // No second factor without a verified e-mail.
  await requirePerson(db, actor, 'email.verification_requested', { allowed: ['second_factor_required'] })
  await inTransaction(db, async (trx) => {
    const email = await findUnverifiedEmail(trx, actor.userId)
    if (mailIsOn && email !== undefined) await queueMail(trx, { kind: 'email_verification', to: email, facts: {} })
    await recordEvent(trx, actor, { action: 'email.verification_requested', outcome: 'ok' })
  })
}
