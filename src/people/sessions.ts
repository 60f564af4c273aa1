import { findAccountByEmail, holdAccount } from '../database/accounts.ts'
import type { Db } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import {
  clearFailures,
  countFailure,
  digestEmail,
  type FailureCount,
  findLockout,
  type LockoutRule,
} from '../database/login-failures.ts'
import { AppError } from '../errors.ts'
import type { Clock, Sha256, Visitor } from '../vocabulary.ts'
import { assertMayLogIn } from './assert-may-log-in.ts'
import type { Passwords } from './passwords.ts'
import { recordRefusal } from './record-refusal.ts'
import { startSession } from './start-session.ts'
import type { TokenKeys, Tokens } from './tokens.ts'

const lockoutRule: LockoutRule = { mostFailures: 10, windowSeconds: 15 * 60, lockSeconds: 15 * 60 }

export type LogInNeeds = { db: Db; keys: TokenKeys; passwords: Passwords; now: Clock }

/** What the audit trail records of a denied login that was counted. */
type RefusalDetails = { failures?: number; locked_until?: string | null }

/**
 * A person proves who they are and gets a session. An unknown e-mail, a wrong password and an account without one get
 * the same answer after the same time; that an account is locked is told to the right password alone.
 */
export async function logIn(
  needs: LogInNeeds,
  visitor: Visitor,
  { email, password }: { email: string; password: string },
): Promise<Tokens> {
  const { db, passwords, now } = needs
  const digest = await digestEmail(db, email)
  const account = await findAccountByEmail(db, email)
  const guesser = { ...visitor, userId: account?.id ?? null }
  const details: RefusalDetails = {}
  const personal = { email_sha256: digest }

  return await recordRefusal(db, guesser, { action: 'session.refused', details, personal }, async () => {
    await assertNotLockedOut(db, digest, now())
    const isRight = await passwords.matches(password, account?.passwordHash ?? null)
    if (account === undefined || !isRight) {
      const count = await countFailure(db, digest, lockoutRule, now())
      Object.assign(details, { failures: count.failures, locked_until: count.lockedUntil?.toISOString() ?? null })
      throw refusalAfter(count, now())
    }

    return await inTransaction(db, async (trx) => {
      // Ten guesses beside this one may have failed by now; then the right one comes too late.
      if (!(await clearFailures(trx, digest, now()))) await assertNotLockedOut(trx, digest, now())
      const current = await holdAccount(trx, account.id)
      // Changed since the comparison: what was compared is this person's password no longer.
      if (current === undefined || current.passwordHash !== account.passwordHash) throw wrongCredentials()
      assertMayLogIn(current)
      return await startSession(needs, trx, visitor, current)
    })
  })
}

function refusalAfter({ failures, lockedUntil }: FailureCount, now: Date): AppError {
  return lockedUntil !== null && failures > lockoutRule.mostFailures ? lockedOut(lockedUntil, now) : wrongCredentials()
}

async function assertNotLockedOut(db: Db, digest: Sha256, now: Date): Promise<void> {
  const until = await findLockout(db, digest, now)
  if (until !== undefined) throw lockedOut(until, now)
}

function lockedOut(until: Date, now: Date): AppError {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000))
  const minutes = Math.ceil(seconds / 60)
  return new AppError(
    'rate_limited',
    `Too many failed logins. Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`,
    { retryAfterSeconds: seconds },
  )
}

function wrongCredentials(): AppError {
  return new AppError('unauthenticated', 'The e-mail or the password is wrong.')
}
