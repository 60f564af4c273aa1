import type { Place } from '../database/places.ts'
import { hashStored } from '../documents/moving/hash-stored.ts'
import type { Stores } from '../documents/stores.ts'
import { codeOf } from '../errors-code.ts'
import { StoreError } from '../storage/file-store.ts'

/** What the system says of one file: somebody may not read it, or its part of the disk is bad. */
const ofOneFile = new Set(['EACCES', 'EPERM', 'EIO'])

/**
 * Whether copying failed since the local disk refuses this one file, also when it is asked a second time. A disk that
 * refuses its own root too is away as a whole, and what fails beside the source is another trouble: both are no file's.
 */
export async function isRefusedAlone(
  { stores: { local } }: { stores: Stores },
  { store, key }: Pick<Place, 'store' | 'key'>,
  { error, signal }: { error: unknown; signal: AbortSignal },
): Promise<boolean> {
  if (store !== 'local' || !isRefusal(error)) return false
  try {
    await hashStored(local, key, signal)
    return false
  } catch (again) {
    if (!isRefusal(again)) return false
  }
  await local.ownership.find()
  return true
}

function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && ofOneFile.has(codeOf(error.cause) ?? '')
}
