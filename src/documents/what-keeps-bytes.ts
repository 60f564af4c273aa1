import type { Db } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import type { Place } from '../database/places.ts'
import { findNamers, lockPlace } from '../database/uploads.ts'
import type { UploadId } from '../vocabulary.ts'

/** `backup_runs`: nothing names these bytes any more, but a backup is being made whose rows may. */
export type Keeper = 'still_named' | 'backup_runs'

/**
 * What keeps these bytes from being removed: a version, an open move, an open upload but `except`, or else a backup. Asked
 * under the lock that a move takes before it makes a row point at a key; keys are written once, so what nobody names under
 * the lock nobody will name later. Both are asked in one statement: a backup that begins after it has rows that do not name
 * these bytes either.
 */
export async function findWhatKeeps(db: Db, place: Place, except: UploadId | null): Promise<Keeper | undefined> {
  return inTransaction(db, async (trx) => {
    await lockPlace(trx, place)
    const { isNamed, isBackupRunning } = await findNamers(trx, place, except)
    if (isNamed) return 'still_named'
    return isBackupRunning ? 'backup_runs' : undefined
  })
}
