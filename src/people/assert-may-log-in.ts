import type { Account } from '../database/accounts.ts'
import { refusalAnswers } from '../database/membership.ts'
import { AppError } from '../errors.ts'

/** Throws `forbidden` for a person who may not have a session: shut out, or not verified by the platform yet. */
export function assertMayLogIn(account: Account): void {
  if (account.isLocked || account.isSuspended) throw new AppError(...refusalAnswers.account_locked)
  if (!account.isVerified)
    throw new AppError('forbidden', 'This account is not verified yet. Verify it with the platform, then log in.')
}
