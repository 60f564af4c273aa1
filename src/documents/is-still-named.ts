import type { Db } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { areBytesNamed, lockPlace, type Place } from '../database/uploads.ts'
import type { UploadId } from '../vocabulary.ts'

/**
 * Whether anything names these bytes: a version, an open move, an open upload but `except`. Asked under the lock that a
 * move takes before it makes a row point at a key; keys are written once, so what nobody names under the lock nobody will
 * name later.
 */
export async function isStillNamed(db: Db, place: Place, except: UploadId | null): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    await lockPlace(trx, place)
    return areBytesNamed(trx, place, except)
  })
}
