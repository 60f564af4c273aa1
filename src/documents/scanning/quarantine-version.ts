import { randomUUID } from 'node:crypto'

import {
  commitQuarantine,
  deletePendingQuarantine,
  isNamed,
  removeInfected,
} from '../../database/blobs/quarantine-blob.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation, StoredVersion } from '../../database/documents/versions-in-store.ts'
import { unlessMissing } from '../../storage/file-store.ts'
import { isStorageKey, storageKeyOf } from '../../storage/storage-key.ts'
import type { BlobId, StorageKey } from '../../vocabulary/vocabulary.ts'
import { copyToQuarantine } from '../moving/copy-to-quarantine.ts'
import { hashBlob } from '../stores/hash-blob.ts'
import { type ReachableStore, reachableStores } from '../stores/reachable-stores.ts'
import { removeNow, type RemoveNeeds } from '../stores/remove-blobs.ts'

/** Moves an infected blob to quarantine. A failure is logged, and the next sweep tries again. True if it was moved. */
export async function quarantineLater(
  needs: RemoveNeeds,
  here: ReachableStore,
  version: StoredVersion & { signature: string },
): Promise<boolean> {
  try {
    return await quarantineVersion(needs, here, version)
  } catch (error) {
    const { store, key } = version
    needs.log.error(
      { event: 'quarantine_failed', store, key, err: error },
      'infected document could not be moved, trying again later',
    )
    return false
  }
}

/**
 * Moves an infected blob to quarantine, so that links to it stop working: copy and compare, then in one transaction record
 * the copy and take the blob from its version, then remove the blob and the sources of its moves. If the process dies,
 * another run resumes: until the transaction the version has its blob, afterwards the collector removes it. False if the
 * blob may be on another disk.
 */
export async function quarantineVersion(
  needs: RemoveNeeds,
  here: ReachableStore,
  version: StoredVersion & { signature: string },
): Promise<boolean> {
  const { key, fileSize: size, signature } = version
  if (mayBeElsewhere(version) && (await here.files.stat(key)) === undefined) return false
  const { quarantining, isThere } = await copyToQuarantine(needs, here, {
    key,
    nameKey: isStorageKey(key) ? key : createKey(version),
    size,
    reason: `a virus: ${signature}`,
    of: version,
  })
  const leaving = await inTransaction(needs.db, async (trx) => {
    if (isThere) await commitQuarantine(trx, quarantining)
    return removeInfected(trx, version, here.storeId)
  })
  await removeEverywhere(needs, leaving)
  if (isThere) return true
  // The blob is gone. Another process may have moved it at the same moment, under this name or another.
  const isCopied = (await unlessMissing(hashBlob(here.files.quarantine, quarantining.quarantineKey))) !== undefined
  if (isCopied) await commitQuarantine(needs.db, quarantining)
  else await deletePendingQuarantine(needs.db, quarantining)
  return true
}

async function removeEverywhere(needs: RemoveNeeds, leaving: (BlobLocation & { id: BlobId })[]): Promise<void> {
  const { db, stores } = needs
  for (const here of reachableStores(stores)) {
    const inStore = leaving.filter(({ store, storeId }) => store === here.store && storeId === here.storeId)
    const ids = inStore.map(({ id }) => id)
    await removeNow(needs, here, ids)
  }
  for (const location of leaving.filter(({ store, storeId }) => store === 'local' && storeId === null)) {
    if (!(await isNamed(db, location, location.id))) await stores.local.remove(location.key)
  }
}

/** The platform's rows name no disk. */
export function mayBeElsewhere({ store, storeId }: StoredVersion): boolean {
  return store === 'local' && storeId === null
}

/** The platform's keys may end in anything that a user's file name did. */
function createKey({ firmId, documentType }: StoredVersion): StorageKey {
  return storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: 'bin' })
}
