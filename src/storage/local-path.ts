import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { QuarantineKey, StorageKey, StoreId } from '../vocabulary.ts'
import type { DurableFolders } from './durable-folders.ts'
import { StoreError } from './file-store.ts'
import { findStoreId } from './store-id.ts'

/** Below the root: a document's file, or one that was put aside. */
export type LocalKey = StorageKey | QuarantineKey

/** One opened root folder: what every call on it needs. */
export type LocalReach = {
  root: string
  storeId: StoreId
  folders: DurableFolders
  onBytes: (direction: 'read' | 'written', bytes: number) => void
}

/**
 * The path of a key, after a look that no folder on the way is a link that leads elsewhere. The file itself is opened
 * without following links.
 */
export async function openLocalPath({ root }: LocalReach, key: LocalKey): Promise<string> {
  const path = join(root, key)
  const folder = dirname(path)
  if ((await realpath(folder)) !== folder)
    throw new StoreError('unavailable', 'The local store has a link in place of a folder.')
  return path
}

/**
 * Before a file is said to be absent, and before one is written: a disk that is not mounted has lost none of our files,
 * and what is written in its place is lost when it comes back.
 */
export async function requireOwnDisk({ root, storeId }: LocalReach): Promise<void> {
  if ((await findStoreId(root)) !== storeId)
    throw new StoreError('unavailable', 'The folder of the local store is not the one that was opened.')
}
