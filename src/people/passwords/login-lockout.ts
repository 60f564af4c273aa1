import type { Db, Tx } from '../../database/connection/client.ts'
import { countFailure, findLockout, type LockoutRule } from '../../database/passwords/login-failures.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'

/** Ten failures within 15 minutes lock an e-mail for 15 minutes, whether or not it has an account. */
const lockoutRule: LockoutRule = { maxFailures: 10, windowSeconds: 15 * 60, lockSeconds: 15 * 60 }

/** Throws `rate_limited` during a lockout. */
export async function assertNotLockedOut(db: Db | Tx, digest: Sha256, now: Date): Promise<void> {
  const until = await findLockout(db, digest, now)
  if (until !== undefined) throw lockedOut(until, now)
}

/** Counts a wrong password. Returns `denial` with the count for the audit trail, or the lockout if it had begun before. */
export async function countWrongPassword(db: Db, digest: Sha256, now: Date, denial: AppError): Promise<AppError> {
  const { failures, lockedUntil } = await countFailure(db, digest, lockoutRule, now)
  const error = lockedUntil !== null && failures > lockoutRule.maxFailures ? lockedOut(lockedUntil, now) : denial
  Object.assign(error.details, { failures, locked_until: lockedUntil?.toISOString() ?? null })
  return error
}

/**
 * Counts a guess before it is compared, so that no more are compared at once either. Throws `rate_limited` after ten.
 * `removeFailures` forgets them after a right one.
 */
export async function spendGuess(db: Db, digest: Sha256, now: Date): Promise<void> {
  await assertNotLockedOut(db, digest, now)
  const { failures, lockedUntil } = await countFailure(db, digest, lockoutRule, now)
  if (lockedUntil !== null && failures > lockoutRule.maxFailures) throw lockedOut(lockedUntil, now)
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
