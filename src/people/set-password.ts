import { findAccountByEmail, setPasswordHash } from '../database/accounts.ts'
import type { Db } from '../database/client.ts'
import { type EventActor, recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { digestEmail, removeFailures } from '../database/login-failures.ts'
import { endSessionsOf } from '../database/sessions.ts'
import { AppError } from '../errors.ts'
import type { Clock, UserId } from '../vocabulary.ts'
import type { Passwords } from './passwords.ts'

type Needs = { db: Db; passwords: Passwords; now: Clock }

/** The command line's: gives a person a new password and ends all their sessions; answers whose it is. Throws `not_found`, or `validation_failed` for a password out of bounds. */
export async function setPassword(
  { db, passwords, now }: Needs,
  actor: EventActor,
  { email, password }: { email: string; password: string },
): Promise<{ id: UserId; email: string }> {
  const account = await findAccountByEmail(db, email)
  if (account === undefined) throw nobody()
  const passwordHash = await passwords.hash(password)

  return await inTransaction(db, async (trx) => {
    // In the order in which a login takes them. Sessions last: none that began with the old password is left.
    await removeFailures(trx, await digestEmail(trx, account.email))
    if (!(await setPasswordHash(trx, account.id, passwordHash))) throw nobody()
    await endSessionsOf(trx, account.id, now())
    const details = { user_id: account.id }
    await recordEvent(trx, actor, { action: 'account.password_set', outcome: 'ok', details })
    return { id: account.id, email: account.email }
  })
}

function nobody(): AppError {
  return new AppError('not_found', 'There is no account with this e-mail.')
}
