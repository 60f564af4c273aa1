import { randomUUID } from 'node:crypto'

import { openQuarantine, type PendingQuarantine, renameQuarantine } from '../../database/blobs/quarantine-blob.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import { quarantineKeyOf } from '../../storage/storage-key.ts'
import type { ProcessId, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { hashBlob } from './buffer-source.ts'
import type { ReachableStore } from '../stores/stores.ts'
import { lockRows } from '../../database/documents/documents.ts'

export type QuarantineRequest = {
  key: StorageKey
  /** The key that its copy is named after, where its own is none of our form. */
  nameKey?: StorageKey
  size: number
  reason: string
  /** The infected version whose bytes these are; undefined: an orphan. */
  of?: Pick<StoredVersion, 'firmId' | 'documentId' | 'versionId'>
}

export type QuarantineCopy = { quarantining: PendingQuarantine; isThere: boolean }

type Needs = { db: Db; processId: ProcessId }

/**
 * Copies a file to where nothing is served from: the copy is named first, then made, read back and compared. The file
 * itself stays. It may be killed at any moment and run again. `isThere` is false when the file is gone.
 */
export async function copyToQuarantine(
  needs: Needs,
  here: ReachableStore,
  { key, nameKey = key, size: bytes, reason, of }: QuarantineRequest,
): Promise<QuarantineCopy> {
  const place: BlobLocation = { store: here.store, storeId: here.storeId, key }
  const quarantining = await inTransaction(needs.db, async (trx) => {
    if (of !== undefined) await lockRows(trx, of)
    return openQuarantine(trx, needs.processId, place, {
      quarantineKey: quarantineKeyOf(nameKey),
      alternativeKey: quarantineKeyOf(nameKey, randomUUID()),
      bytes,
      reason,
      of,
    })
  })
  const source = await findBlobHash(here.files, key)
  const isThere = source !== undefined && (await copyUntilRight(needs.db, here, { key, nameKey, quarantining, source }))
  return { quarantining, isThere }
}

type Hashed = { size: number; sha256: string }
type Copying = { key: StorageKey; nameKey: StorageKey; quarantining: PendingQuarantine; source: Hashed }

/** False when the source went away. Changes the name that is written down where other bytes are found under it. */
async function copyUntilRight(db: Db, { files }: ReachableStore, copying: Copying): Promise<boolean> {
  const { key, nameKey, quarantining, source } = copying
  if (!(await take(files, key, quarantining.quarantineKey))) return false
  if (isSame(await hashBlob(files.quarantine, quarantining.quarantineKey), source)) return true

  const another = quarantineKeyOf(nameKey, randomUUID())
  if (!(await renameQuarantine(db, quarantining, another)))
    throw new Error('Another process sets the same file aside. Run it again.')
  quarantining.quarantineKey = another
  if (!(await take(files, key, another))) return false
  if (isSame(await hashBlob(files.quarantine, another), source)) return true
  throw new Error('The store gave back other bytes than it was told to copy, twice.')
}

/** What is there already may be the copy of an attempt that was killed: reading it back tells. */
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

/** Undefined when nothing is there. */
export async function findBlobHash<Key>(
  store: Parameters<typeof hashBlob<Key>>[0],
  key: Key,
): Promise<Hashed | undefined> {
  try {
    return await hashBlob(store, key)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'bytes_missing') return undefined
    throw error
  }
}

function isSame(one: Hashed, other: Hashed): boolean {
  return one.size === other.size && one.sha256 === other.sha256
}
