import type { Tx } from '../../database/connection/client.ts'
import { isErased } from '../../database/personal-data/erasures.ts'
import { hasAdoptedPlatformTables } from '../../database/schema/installation.ts'
import { AppError } from '../../errors/app-error.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'

/**
 * Throws `conflict` for an erased person, who gets no access again. A platform that keeps the account may let them act again.
 * The caller has locked the account, or all erasures.
 */
export async function assertNotErased(trx: Tx, userId: UserId): Promise<void> {
  if ((await isErased(trx, userId)) && !(await hasAdoptedPlatformTables(trx)))
    throw new AppError('conflict', 'This person was erased. Their account stays locked.')
}
