import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { type Account, findAccountByEmail, lockAccount } from '../../database/people/accounts.ts'
import { insertSession } from '../../database/people/sessions.ts'
import {
  clearFailures,
  countFailure,
  digestEmail,
  type FailureCount,
  findLockout,
  type LockoutRule,
} from '../../database/people/login-lockout.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import type { Clock, Sha256, Visitor } from '../../vocabulary/vocabulary.ts'
import { recordDenial } from '../require-right.ts'
import type { Passwords } from './passwords.ts'
import { issueTokens, lifeFrom, type TokenKeys, type Tokens } from './tokens.ts'

/** Ten failures within 15 minutes lock an e-mail for 15 minutes, whether or not it has an account. */
const lockoutRule: LockoutRule = { maxFailures: 10, windowSeconds: 15 * 60, lockSeconds: 15 * 60 }

export type LogInNeeds = { db: Db; keys: TokenKeys; passwords: Passwords; now: Clock }

/** What the audit trail records of a denied login that was counted. */
type FailureDetails = { failures?: number; locked_until?: string | null }

/**
 * Checks an e-mail and a password, and starts a session. An unknown e-mail, a wrong password and an account without a
 * password get the same answer after the same time. Only the right password learns that its account is locked.
 */
export async function logIn(
  needs: LogInNeeds,
  visitor: Visitor,
  { email, password }: { email: string; password: string },
): Promise<Tokens> {
  const { db, passwords, now } = needs
  const digest = await digestEmail(db, email)
  const account = await findAccountByEmail(db, email)
  const caller = { ...visitor, userId: account?.id ?? null }
  const details: FailureDetails = {}
  const personal = { email_sha256: digest }

  return await recordDenial(db, caller, { action: 'session.refused', details, personal }, async () => {
    await assertNotLockedOut(db, digest, now())
    const isCorrect = await passwords.matches(password, account?.passwordHash ?? null)
    if (account === undefined || !isCorrect) {
      const count = await countFailure(db, digest, lockoutRule, now())
      Object.assign(details, { failures: count.failures, locked_until: count.lockedUntil?.toISOString() ?? null })
      throw errorAfter(count, now())
    }

    return await inTransaction(db, async (trx) => {
      // Concurrent logins may have reached the lockout meanwhile.
      if (!(await clearFailures(trx, digest, now()))) await assertNotLockedOut(trx, digest, now())
      const current = await lockAccount(trx, account.id)
      // The password changed since the comparison.
      if (current === undefined || current.passwordHash !== account.passwordHash) throw wrongCredentials()
      assertMayLogIn(current)
      return await startSession(needs, trx, visitor, current)
    })
  })
}

function errorAfter({ failures, lockedUntil }: FailureCount, now: Date): AppError {
  return lockedUntil !== null && failures > lockoutRule.maxFailures ? lockedOut(lockedUntil, now) : wrongCredentials()
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

/** Throws `forbidden` if the account is locked, suspended or not verified. */
export function assertMayLogIn(account: Account): void {
  if (account.isLocked || account.isSuspended) throw new AccessDenied('account_locked')
  if (!account.isVerified)
    throw new AppError('forbidden', 'This account is not verified yet. Verify it with the platform, then log in.')
}

/** Starts a session, in the transaction that checked the account. */
export async function startSession(
  needs: Omit<LogInNeeds, 'db' | 'passwords'>,
  trx: Tx,
  visitor: Visitor,
  account: Account,
): Promise<Tokens> {
  const record = await insertSession(trx, account.id, lifeFrom(needs.now()))
  await recordEvent(trx, { ...visitor, userId: account.id }, { action: 'session.started', outcome: 'ok' })

  return await issueTokens(needs, account, record)
}
