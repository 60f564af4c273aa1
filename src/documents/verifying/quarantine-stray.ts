import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import type { Db } from '../../database/client.ts'
import { type EventActor, recordEvent } from '../../database/events.ts'
import { inTransaction } from '../../database/in-transaction.ts'
import {
  closeQuarantine,
  forgetQuarantine,
  type HalfQuarantined,
  openQuarantine,
  type OpenQuarantine,
  renameQuarantine,
} from '../../database/quarantined.ts'
import { lockPlace, type Place } from '../../database/uploads.ts'
import { StoreError } from '../../storage/file-store.ts'
import { quarantineKeyOf } from '../../storage/storage-key.ts'
import type { Clock, QuarantineKey, StorageKey } from '../../vocabulary.ts'
import { hashStored } from '../moving/hash-stored.ts'
import { removeBytes } from '../remove-bytes.ts'
import type { Stores } from '../stores.ts'
import type { StoreHere } from '../stores-here.ts'

export type QuarantineNeeds = { db: Db; stores: Stores; log: Logger; now: Clock }

type Stray = { key: StorageKey; size: number; modifiedAt: Date }
type Hashed = { size: number; sha256: string }

/**
 * Puts a stray aside, where nothing is served from: its copy's name is written down, the copy made and read back, and
 * only then the stray removed, under the lock that says once more that nothing names it. It may be killed at any moment
 * and run again. `gone`: somebody else removed it; `named`: a row names it after all, and it stays.
 */
export async function quarantineStray(
  needs: QuarantineNeeds,
  actor: EventActor,
  here: StoreHere,
  stray: Stray,
): Promise<'quarantined' | 'gone' | 'named'> {
  const place: Place = { store: here.store, storeId: here.storeId, key: stray.key }
  const opened = await inTransaction(needs.db, async (trx) => {
    await lockPlace(trx, place)
    return openQuarantine(trx, place, {
      quarantineKey: quarantineKeyOf(stray.key),
      another: quarantineKeyOf(stray.key, randomUUID()),
      bytes: stray.size,
      reason: `a stray, written ${stray.modifiedAt.toISOString()}`,
    })
  })
  const source = await hashIfThere(here.files, stray.key)
  if (source === undefined || !(await copyUntilRight(needs, here, { place, opened, source }))) {
    await endWithoutSource(needs, actor, here, { ...opened, key: stray.key })
    return 'gone'
  }
  if ((await removeBytes(needs, place, null)) === 'still_named') return 'named'
  await noteQuarantined(needs, actor, place, opened)
  return 'quarantined'
}

type Copying = { place: Place; opened: OpenQuarantine; source: Hashed }

/** False when the source went away. Changes the name that is written down where other bytes lie under it. */
async function copyUntilRight(needs: QuarantineNeeds, { files }: StoreHere, copying: Copying): Promise<boolean> {
  const { place, opened, source } = copying
  if (!(await take(files, place.key, opened.quarantineKey))) return false
  if (isSame(await hashStored(files.quarantine, opened.quarantineKey), source)) return true

  const another = quarantineKeyOf(place.key, randomUUID())
  if (!(await renameQuarantine(needs.db, opened, another)))
    throw new Error('Another repair puts the same stray aside. Run it again.')
  opened.quarantineKey = another
  if (!(await take(files, place.key, another))) return false
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

/** The stray is gone, be it that an attempt was killed right after its removal: then the copy is what is left. */
export async function endWithoutSource(
  needs: QuarantineNeeds,
  actor: EventActor,
  { store, storeId, files }: StoreHere,
  half: HalfQuarantined,
): Promise<boolean> {
  const isCopied = (await hashIfThere(files.quarantine, half.quarantineKey)) !== undefined
  if (isCopied) await noteQuarantined(needs, actor, { store, storeId, key: half.key }, half)
  else await forgetQuarantine(needs.db, half)
  return isCopied
}

async function noteQuarantined(
  { db, log, now }: QuarantineNeeds,
  actor: EventActor,
  { store, storeId, key }: Place,
  { id, quarantineKey }: OpenQuarantine,
): Promise<void> {
  const about = { store, store_id: storeId, key, quarantine_key: quarantineKey }
  const isNew = await inTransaction(db, async (trx) => {
    const isClosed = await closeQuarantine(trx, id, now())
    if (isClosed) await recordEvent(trx, actor, { action: 'stray.quarantined', outcome: 'ok', details: about })
    return isClosed
  })
  if (isNew) log.warn({ event: 'stray_quarantined', ...about }, 'bytes that no row names were put aside')
}

async function hashIfThere<Key>(store: Parameters<typeof hashStored<Key>>[0], key: Key): Promise<Hashed | undefined> {
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
