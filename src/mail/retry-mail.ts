import { type EventActor, recordEvent } from '../database/audit/events.ts'
import type { Db, Tx } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import { retryMails } from '../database/mail/undelivered-mails.ts'
import { AppError } from '../errors/app-error.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'

/**
 * For the command line: sends undelivered mails again at once, also those that were given up. Returns their number. Throws
 * `not_found` if there is no such mail to send again.
 */
export async function retryMail(
  { db, now }: { db: Db; now: Clock },
  actor: EventActor,
  id: string | undefined,
): Promise<number> {
  return await inTransaction(db, (trx) => makeDue(trx, actor, { id, now }))
}

/** The same in a transaction of the caller. `id` undefined: all mails. */
export async function makeDue(
  trx: Tx,
  actor: EventActor,
  { id, now }: { id: string | undefined; now: Clock },
): Promise<number> {
  const retried = await retryMails(trx, { id, now: now() })
  if (id !== undefined && retried === 0)
    throw new AppError(
      'not_found',
      `There is no undelivered mail ${id}, or it is being sent now. \`mail list\` has the ids.`,
    )
  const details = { mails: retried, ...(id !== undefined && { mail_id: id }) }
  if (retried > 0) await recordEvent(trx, actor, { action: 'mail.retried', outcome: 'ok', details })
  return retried
}
