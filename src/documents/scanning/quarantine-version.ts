import { randomUUID } from 'node:crypto'

import { inTransaction } from '../../database/in-transaction.ts'
import { closeQuarantine, forgetQuarantine } from '../../database/quarantined.ts'
import { letGoOfInfected } from '../../database/record-verdict.ts'
import type { StoredVersion } from '../../database/versions-in-store.ts'
import { isStorageKey, storageKeyOf } from '../../storage/storage-key.ts'
import type { StorageKey } from '../../vocabulary.ts'
import { hashIfThere, putAside } from '../put-aside.ts'
import { removeInfected } from '../remove-bytes.ts'
import { storesHere, type StoreHere } from '../stores-here.ts'
import type { QuarantineNeeds } from '../verifying/quarantine-stray.ts'

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
  const { opened, isThere } = await putAside(needs.db, here, {
    key,
    nameKey: isStorageKey(key) ? key : keyOfOurForm(version),
    size,
    reason: `a virus: ${signature}`,
  })
  for (const place of await letGoOfInfected(needs.db, version, here.storeId)) {
    // What the platform moved away from names no disk: it is tried on the one at hand.
    const storeId = place.store === 'local' ? (place.storeId ?? needs.stores.local.storeId) : null
    const isReachable = storesHere(needs.stores).some((each) => each.store === place.store && each.storeId === storeId)
    if (isReachable) await removeInfected(needs, { ...place, storeId })
  }
  // Where its bytes were gone, somebody else may have put them aside at the same moment, under this name or another.
  const isAside = isThere || (await hashIfThere(here.files.quarantine, opened.quarantineKey)) !== undefined
  if (isAside) await inTransaction(needs.db, (trx) => closeQuarantine(trx, opened.id, needs.now()))
  else await forgetQuarantine(needs.db, opened)
  return true
}

/** The platform's rows name no disk. */
export function mayLieElsewhere({ store, storeId }: StoredVersion): boolean {
  return store === 'local' && storeId === null
}

/** The platform ends its keys with whatever its users' file names did. */
function keyOfOurForm({ firmId, documentType }: StoredVersion): StorageKey {
  return storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: 'bin' })
}
