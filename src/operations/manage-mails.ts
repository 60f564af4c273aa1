import { recordEvent } from '../database/audit/events.ts'
import type { Db } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import { listUndelivered, type UndeliveredMail, type UndeliveredRecord } from '../database/mail/undelivered-mails.ts'
import { makeDue } from '../mail/retry-mail.ts'
import { assertAdministrator, recordDenial, requireAdministrator } from '../people/require-right.ts'
import type { Actor, Clock } from '../vocabulary/vocabulary.ts'

type MailPage = { limit: number; after: { at: string; id: string } | undefined }

/** Mails that wait or were given up, newest first, for administrators. The event names the mails, not their recipients. */
export async function browseUndelivered(
  { db }: { db: Db },
  actor: Actor,
  page: MailPage,
): Promise<UndeliveredRecord[]> {
  const action = 'mails.listed'
  await requireAdministrator(db, actor, action)
  const mails = await listUndelivered(db, page)
  await recordEvent(db, actor, { action, outcome: 'ok', details: { mail_ids: mails.map(({ id }) => id) } })
  return mails
}

/** An undelivered mail as the API and `mail list --json` show it. */
export function describeUndelivered(mail: UndeliveredMail) {
  return {
    id: mail.id,
    kind: mail.kind,
    recipient: mail.recipient,
    state: mail.state,
    attempts: mail.attempts,
    queued_at: mail.queuedAt.toISOString(),
    last_attempt_at: mail.triedAt?.toISOString() ?? null,
    last_error: mail.error,
    next_attempt_at: mail.dueAt?.toISOString() ?? null,
  }
}

/**
 * Makes an undelivered mail due at once, also one that was given up, for administrators. Throws the denial, and `not_found`
 * for a mail that was delivered, does not exist, or is being sent now.
 */
export async function sendMailAgain({ db, now }: { db: Db; now: Clock }, actor: Actor, id: string): Promise<void> {
  await recordDenial(db, actor, { action: 'mail.retried', details: { mail_id: id } }, () =>
    inTransaction(db, async (trx) => {
      await assertAdministrator(trx, actor)
      await makeDue(trx, actor, { id, now })
    }),
  )
}
