import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { removeFailures } from '../../database/passwords/login-failures.ts'
import { findAccountByEmail, lockAccount } from '../../database/people/accounts.ts'
import { endSessionsOf } from '../../database/people/sessions.ts'
import { deleteFactors, findFactors, lockFactors } from '../../database/second-factors/factors.ts'
import { AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import type { Actor, UserId } from '../../vocabulary/vocabulary.ts'
import { type ProofNeeds, requireFreshProof } from '../passwords/prove-password.ts'
import { assertAdministrator, recordDenial, requireAdministrator } from '../require-right.ts'
import { noSuchUser } from '../unknown-and-erased-people.ts'
import { failuresOf } from './answer-challenge.ts'

type Needs = NotifyNeeds & { db: Db }

/**
 * For an administrator: removes the second factors of a person who lost them, and ends their sessions. Throws `forbidden`
 * for the administrator's own, since a stolen session must not get rid of them; `not_found` for an unknown person.
 */
export async function resetSecondFactor(needs: Needs & ProofNeeds, actor: Actor, userId: UserId): Promise<void> {
  const { db } = needs
  const action = 'second_factor.reset'
  const details = { user_id: userId }
  const { email } = await requireAdministrator(db, actor, action)
  await recordDenial(db, actor, { action, details }, async () => {
    if (userId === actor.userId)
      throw new AppError('forbidden', 'Another administrator must reset your second factor, not you.')
    await requireFreshProof(needs, actor, { action, email, password: undefined })
    await inTransaction(db, async (trx) => {
      await resetFactors(needs, trx, actor, userId)
      // Behind the lock: the right or the session may have ended meanwhile.
      await assertAdministrator(trx, actor)
    })
  })
}

/** Like `resetSecondFactor`, for the command line. */
export async function resetSecondFactorOf(
  needs: Needs,
  actor: EventActor,
  email: string,
): Promise<{ id: UserId; email: string }> {
  const { db } = needs
  const account = await findAccountByEmail(db, email)
  if (account === undefined) throw noSuchUser()
  await inTransaction(db, (trx) => resetFactors(needs, trx, actor, account.id))
  return { id: account.id, email: account.email }
}

async function resetFactors(needs: Needs, trx: Tx, actor: EventActor, userId: UserId): Promise<void> {
  await removeFailures(trx, failuresOf(userId))
  await lockFactors(trx, userId)
  if ((await lockAccount(trx, userId)) === undefined) throw noSuchUser()
  const { hasTotp, passkeys } = await findFactors(trx, userId)
  await deleteFactors(trx, userId)
  await endSessionsOf(trx, userId, needs.now())
  const details = { user_id: userId, totp: hasTotp, passkeys }
  await recordEvent(trx, actor, { action: 'second_factor.reset', outcome: 'ok', details })
  await notifyOfChange(needs, trx, userId, { change: 'second_factors_reset' })
}
