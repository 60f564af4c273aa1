import { randomUUID } from 'node:crypto'

import { openQuarantine, type PendingQuarantine, renameQuarantine } from '../../database/blobs/quarantine-blob.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import { lockRows } from '../../database/documents/documents.ts'
import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import { StoreError, unlessMissing } from '../../storage/file-store.ts'
import { quarantineKeyOf } from '../../storage/storage-key.ts'
import type { ProcessId, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import type { ReachableStore } from '../stores/reachable-stores.ts'
import { hashBlob, isSameContent } from '../stores/hash-blob.ts'

type QuarantineRequest = {
  key: StorageKey
  /** The copy is named after this key if the file's own key does not have our format. */
  nameKey?: StorageKey
  size: number
  reason: string
  /** The infected version with these bytes; undefined: an orphan. */
  of?: Pick<StoredVersion, 'firmId' | 'documentId' | 'versionId'>
}

type Needs = { db: Db; processId: ProcessId }

/**
 * Copies a file to the store's quarantine, from which nothing is served: a row names the copy, then the store makes it,
 * then it is read back and compared. The file itself stays. If the process dies, the next run finds the row and resumes.
 * `isThere` is false if the file is gone.
 */
export async function copyToQuarantine(
  needs: Needs,
  here: ReachableStore,
  { key, nameKey = key, size: bytes, reason, of }: QuarantineRequest,
): Promise<{ quarantining: PendingQuarantine; isThere: boolean }> {
  const location: BlobLocation = { store: here.store, storeId: here.storeId, key }
  const quarantining = await inTransaction(needs.db, async (trx) => {
    if (of !== undefined) await lockRows(trx, of)
    const names = { quarantineKey: quarantineKeyOf(nameKey), alternativeKey: quarantineKeyOf(nameKey, randomUUID()) }
    return openQuarantine(trx, needs.processId, location, { ...names, bytes, reason, of })
  })
  const isThere = await copyUntilRight(needs.db, here, { key, nameKey, quarantining })
  return { quarantining, isThere }
}

type Copying = { key: StorageKey; nameKey: StorageKey; quarantining: PendingQuarantine }

/** False if the source is gone. If the name has other bytes, the copy gets another name, once. */
async function copyUntilRight(db: Db, { files }: ReachableStore, copying: Copying): Promise<boolean> {
  const { key, nameKey, quarantining } = copying
  const source = await unlessMissing(hashBlob(files, key))
  if (source === undefined) return false
  const copyAndCompare = async (to: QuarantineKey): Promise<'copied' | 'differs' | 'missing'> => {
    if (!(await take(files, key, to))) return 'missing'
    return isSameContent(await hashBlob(files.quarantine, to), source) ? 'copied' : 'differs'
  }
  const first = await copyAndCompare(quarantining.quarantineKey)
  if (first !== 'differs') return first === 'copied'

  const another = quarantineKeyOf(nameKey, randomUUID())
  if (!(await renameQuarantine(db, quarantining, another)))
    throw new Error('Another process moves the same file to quarantine. Run it again.')
  quarantining.quarantineKey = another
  const second = await copyAndCompare(another)
  if (second === 'differs') throw new Error('The store returned other bytes than it was asked to copy, twice.')
  return second === 'copied'
}

/** False if the source is gone. A copy that exists may be an earlier attempt's: reading it back decides. */
async function take(files: ReachableStore['files'], from: StorageKey, to: QuarantineKey): Promise<boolean> {
  try {
    await files.quarantine.copy(from, to)
    return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'key_taken') return true
    if (error instanceof StoreError && error.code === 'bytes_missing') return false
    throw error
  }
}
