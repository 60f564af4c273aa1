import { randomUUID } from 'node:crypto'

import type { Db } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { openQuarantine, type OpenQuarantine, renameQuarantine } from '../database/quarantined.ts'
import type { Place } from '../database/places.ts'
import { lockPlace } from '../database/uploads.ts'
import { StoreError } from '../storage/file-store.ts'
import { quarantineKeyOf } from '../storage/storage-key.ts'
import type { QuarantineKey, StorageKey } from '../vocabulary.ts'
import { hashStored } from './moving/hash-stored.ts'
import type { StoreHere } from './stores-here.ts'

/** `nameKey`: the key that its place in quarantine is named after, where its own is none of ours. */
export type Aside = { key: StorageKey; nameKey?: StorageKey; size: number; reason: string }

export type PutAside = { opened: OpenQuarantine; isThere: boolean }

/**
 * Copies a file to where nothing is served from: its copy's name is written down first, and the copy read back and
 * compared. The file itself stays. It may be killed at any moment and run again. `isThere` is false when the file is gone.
 */
export async function putAside(
  db: Db,
  here: StoreHere,
  { key, nameKey = key, size, reason }: Aside,
): Promise<PutAside> {
  const place: Place = { store: here.store, storeId: here.storeId, key }
  const opened = await inTransaction(db, async (trx) => {
    await lockPlace(trx, place)
    return openQuarantine(trx, place, {
      quarantineKey: quarantineKeyOf(nameKey),
      another: quarantineKeyOf(nameKey, randomUUID()),
      bytes: size,
      reason,
    })
  })
  const source = await hashIfThere(here.files, key)
  const isThere = source !== undefined && (await copyUntilRight(db, here, { key, nameKey, opened, source }))
  return { opened, isThere }
}

type Hashed = { size: number; sha256: string }
type Copying = { key: StorageKey; nameKey: StorageKey; opened: OpenQuarantine; source: Hashed }

/** False when the source went away. Changes the name that is written down where other bytes lie under it. */
async function copyUntilRight(db: Db, { files }: StoreHere, copying: Copying): Promise<boolean> {
  const { key, nameKey, opened, source } = copying
  if (!(await take(files, key, opened.quarantineKey))) return false
  if (isSame(await hashStored(files.quarantine, opened.quarantineKey), source)) return true

  const another = quarantineKeyOf(nameKey, randomUUID())
  if (!(await renameQuarantine(db, opened, another)))
    throw new Error('Somebody else puts the same file aside. Run it again.')
  opened.quarantineKey = another
  if (!(await take(files, key, another))) return false
  if (isSame(await hashStored(files.quarantine, another), source)) return true
  throw new Error('The store gave back other bytes than it was told to copy, twice.')
}

/** What lies there already may be the copy of an attempt that was killed: reading it back tells. */
async function take(files: StoreHere['files'], from: StorageKey, to: QuarantineKey): Promise<boolean> {
  try {
    await files.quarantine.take(from, to)
    return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'key_taken') return true
    if (error instanceof StoreError && error.code === 'bytes_missing') return false
    throw error
  }
}

/** Undefined when nothing lies there. */
export async function hashIfThere<Key>(
  store: Parameters<typeof hashStored<Key>>[0],
  key: Key,
): Promise<Hashed | undefined> {
  try {
    return await hashStored(store, key)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'bytes_missing') return undefined
    throw error
  }
}

function isSame(one: Hashed, other: Hashed): boolean {
  return one.size === other.size && one.sha256 === other.sha256
}
