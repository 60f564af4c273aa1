import type { Db } from '../database/client.ts'
import type { Place } from '../database/places.ts'
import type { Removed } from '../storage/file-store.ts'
import type { UploadId } from '../vocabulary.ts'
import { storeHolding, type Stores } from './stores.ts'
import { findWhatKeeps, type Keeper } from './what-keeps-bytes.ts'

type Needs = { db: Db; stores: Stores }

/**
 * Removes bytes that nothing names, and that no backup may need: no version, no open move, no open upload but `except`,
 * whose own failure this may be: of that no backup has a row. Throws when the store could not be asked.
 */
export async function removeBytes(needs: Needs, place: Place, except: UploadId | null): Promise<Removed | Keeper> {
  const keeper = await findWhatKeeps(needs.db, place, except)
  if (keeper === 'still_named' || (keeper === 'backup_runs' && except === null)) return keeper
  return storeHolding(needs.stores, place).remove(place.key)
}

/** The same of bytes in which a virus was found: no backup is to have them, and nobody may go on reading them for it. */
export async function removeInfected(needs: Needs, place: Place): Promise<Removed | 'still_named'> {
  if ((await findWhatKeeps(needs.db, place, null)) === 'still_named') return 'still_named'
  return storeHolding(needs.stores, place).remove(place.key)
}
