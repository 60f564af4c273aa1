import type { Db } from '../database/client.ts'
import type { Place } from '../database/uploads.ts'
import type { Removed } from '../storage/file-store.ts'
import type { UploadId } from '../vocabulary.ts'
import { isStillNamed } from './is-still-named.ts'
import { storeHolding, type Stores } from './stores.ts'

type Needs = { db: Db; stores: Stores }

/**
 * Removes bytes that nothing names: no version, no open move, no open upload but `except`, whose own failure this may
 * be. Throws when the store could not be asked.
 */
export async function removeBytes(
  needs: Needs,
  place: Place,
  except: UploadId | null,
): Promise<Removed | 'still_named'> {
  if (await isStillNamed(needs.db, place, except)) return 'still_named'
  return storeHolding(needs.stores, place).remove(place.key)
}
