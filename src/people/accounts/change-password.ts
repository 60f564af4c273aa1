import { recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { forgetGeneratedPassword } from '../../database/passwords/generated-passwords.ts'
import { clearFailures, digestEmail } from '../../database/passwords/login-failures.ts'
import { type Account, findAccount, replacePasswordHash } from '../../database/people/accounts.ts'
import { endSessionsOf, renewPasswordMark, renewProof, setRestriction } from '../../database/people/sessions.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import type { Actor, Clock, Sha256 } from '../../vocabulary/vocabulary.ts'
import { assertNotLockedOut, countWrongPassword } from '../passwords/login-lockout.ts'
import { assertMaySignInHere } from '../passwords/password-login.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { recordDenial, requirePerson } from '../require-right.ts'
import { findRestriction, type RestrictionNeeds } from '../sessions/session-limits.ts'
import { wordsAbout } from './create-account.ts'
import { removePasswordFile } from './ensure-administrator.ts'

export type ChangePasswordNeeds = RestrictionNeeds &
  NotifyNeeds & { db: Db; passwords: Passwords; now: Clock; dataDir: string }

type PasswordChange = { current: string; next: string }

const action = 'account.password_changed'

/**
 * Changes the caller's password and ends their other sessions. A wrong current password counts as a failed login, so that
 * a stolen session cannot guess it. Throws `forbidden`, `validation_failed` for a new password that is not acceptable, and
 * `rate_limited` during a lockout.
 */
export async function changePassword(needs: ChangePasswordNeeds, actor: Actor, change: PasswordChange): Promise<void> {
  const { db, passwords, now } = needs
  await requirePerson(db, actor, action, { allowed: ['password_change_required'] })
  const account = await recordDenial(db, actor, { action }, () => requireAccount(needs, actor))
  if (change.next === change.current) throw sameAgain()
  const digest = await digestEmail(db, account.email)
  await recordDenial(db, actor, { action }, () => assertNotLockedOut(db, digest, now()))

  const requester = { ip: actor.ip, knownAs: account.id }
  const isCorrect = await passwords.matches(change.current, account.passwordHash, requester)
  await recordDenial(db, actor, { action }, async () => {
    if (!isCorrect) throw await countWrongPassword(db, digest, now(), wrongPassword())
  })
  const to = await passwords.hash(change.next, requester, { about: wordsAbout(account), field: 'new_password' })

  await recordDenial(db, actor, { action }, () => storeChange(needs, actor, { account, digest, to }))
  await removePasswordFile(needs.dataDir, account.email)
}

type CheckedChange = { account: Account; digest: Sha256; to: string }

async function storeChange(needs: ChangePasswordNeeds, actor: Actor, change: CheckedChange): Promise<void> {
  const { db, now } = needs
  const { account, digest, to } = change
  // The same lock order as a login.
  await inTransaction(db, async (trx) => {
    if (!(await clearFailures(trx, digest, now()))) await assertNotLockedOut(trx, digest, now())
    // Changed since the comparison, by somebody whose change ended this session.
    if (!(await replacePasswordHash(trx, account.id, { from: account.passwordHash, to })))
      throw new AccessDenied('session_over')
    await forgetGeneratedPassword(trx, account.id)
    await endSessionsOf(trx, account.id, now(), actor.sessionId)
    if (actor.sessionId !== undefined) {
      await renewPasswordMark(trx, actor)
      await renewProof(trx, actor.sessionId, now())
      await setRestriction(trx, actor.sessionId, await findRestriction(needs, trx, account))
    }
    await recordEvent(trx, actor, { action, outcome: 'ok' })
    await notifyOfChange(needs, trx, account.id, { change: 'password_changed' })
  })
}

async function requireAccount({ db, passwordLogin }: ChangePasswordNeeds, { userId }: Actor): Promise<Account> {
  const account = await findAccount(db, userId)
  if (account === undefined) throw new AppError('forbidden', 'Change the password of this account on the platform.')
  assertMaySignInHere(passwordLogin, account)
  return account
}

function wrongPassword(): AppError {
  return new AppError('forbidden', 'The current password is wrong.')
}

function sameAgain(): AppError {
  const message = 'must differ from the current password'
  return new AppError('validation_failed', `The new password ${message}.`, {
    fields: [{ field: 'new_password', message }],
  })
}
