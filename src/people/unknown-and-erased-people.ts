import type { Tx } from '../database/connection/client.ts'
import { isErased } from '../database/personal-data/erasures.ts'
import { hasAdoptedPlatformTables } from '../database/schema/installation.ts'
import { AppError } from '../errors/app-error.ts'
import type { UserId } from '../vocabulary/vocabulary.ts'

/**
 * Throws `conflict` for an erased person, who gets no access again. A platform that keeps the account may let them act again.
 * The caller has locked the account, or all erasures.
 */
export async function assertNotErased(trx: Tx, userId: UserId): Promise<void> {
  if ((await isErased(trx, userId)) && !(await hasAdoptedPlatformTables(trx)))
    throw new AppError('conflict', 'This person was erased. Their account stays locked.')
}

/** For a call about a row of `registered_users`. */
export function noSuchUser(): AppError {
  return new AppError('not_found', 'There is no such person among the registered users.')
}

/** For a call that also works for personnel of the platform, and for people of whom only traces are left. */
export function noSuchPerson(): AppError {
  return new AppError('not_found', 'There is no such person, and nothing of them is left here.')
}
