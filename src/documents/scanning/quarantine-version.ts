import { randomUUID } from 'node:crypto'

import { commitQuarantine, forgetQuarantine, isNamed, removeInfected } from '../../database/blobs/quarantine-blob.ts'
import type { Place } from '../../database/places.ts'
import type { StoredVersion } from '../../database/versions-in-store.ts'
import { isStorageKey, storageKeyOf } from '../../storage/storage-key.ts'
import type { BlobId, StorageKey } from '../../vocabulary.ts'
import { removeNow } from '../remove-blobs.ts'
import { hashIfThere, setAside } from '../set-aside.ts'
import { type StoreHere, storesHere } from '../stores-here.ts'
import type { QuarantineNeeds } from '../verifying/quarantine-orphan.ts'

/**
 * Moves the bytes of a version in which a virus was found to where nothing is served from, so that links given out
 * before die: copied and proved first, then no row names them, then they go, and with them what moves of the same
 * version have left behind. It may be killed at any moment and run again; what it does not come to do, the collector does.
 * False where its bytes are not on this disk, and may be on another: then nothing was done.
 */
export async function quarantineVersion(
  needs: QuarantineNeeds,
  here: StoreHere,
  version: StoredVersion & { signature: string },
): Promise<boolean> {
  const { key, fileSize: size, signature } = version
  if (mayLieElsewhere(version) && (await here.files.stat(key)) === undefined) return false
  const { quarantining, isThere } = await setAside(needs, here, {
    key,
    nameKey: isStorageKey(key) ? key : keyOfOurForm(version),
    size,
    reason: `a virus: ${signature}`,
    of: version,
  })
  await removeEverywhere(needs, await removeInfected(needs.db, version, here.storeId))
  // Where its bytes were gone, another process may have set them aside at the same moment, under this name or another.
  const isAside = isThere || (await hashIfThere(here.files.quarantine, quarantining.quarantineKey)) !== undefined
  if (isAside) await commitQuarantine(needs.db, quarantining)
  else await forgetQuarantine(needs.db, quarantining)
  return true
}

async function removeEverywhere(needs: QuarantineNeeds, leaving: (Place & { id: BlobId })[]): Promise<void> {
  const { db, stores } = needs
  for (const here of storesHere(stores)) {
    const ids = leaving.filter(({ store, storeId }) => store === here.store && storeId === here.storeId)
    await removeNow(
      needs,
      here,
      ids.map(({ id }) => id),
    )
  }
  const { local } = stores
  for (const place of leaving.filter(({ store, storeId }) => store === 'local' && storeId === null)) {
    if (!(await isNamed(db, place, place.id))) await local.remove(place.key)
  }
}

/** The platform's rows name no disk. */
export function mayLieElsewhere({ store, storeId }: StoredVersion): boolean {
  return store === 'local' && storeId === null
}

/** The platform ends its keys with whatever its users' file names did. */
function keyOfOurForm({ firmId, documentType }: StoredVersion): StorageKey {
  return storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: 'bin' })
}
