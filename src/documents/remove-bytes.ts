import type { Db } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { areBytesNamed, lockPlace, type Place } from '../database/uploads.ts'
import type { UploadId } from '../vocabulary.ts'
import { storeHolding, type Stores } from './stores.ts'

type Needs = { db: Db; stores: Stores }

/**
 * Removes bytes that nothing names: no version, no open move, no open upload but `except`, whose own failure this may
 * be. The check holds the lock that a move takes before it makes a row point at a key; keys are written once, so what
 * nobody names under the lock nobody will name later. Throws when the store could not be asked.
 */
export async function removeBytes(
  needs: Needs,
  place: Place,
  except: UploadId | null,
): Promise<'removed' | 'still_named'> {
  const isNamed = await inTransaction(needs.db, async (trx) => {
    await lockPlace(trx, place)
    return areBytesNamed(trx, place, except)
  })
  if (isNamed) return 'still_named'

  await storeHolding(needs.stores, place).remove(place.key)
  return 'removed'
}
