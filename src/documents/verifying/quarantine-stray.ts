import type { Logger } from 'pino'

import type { Db } from '../../database/client.ts'
import { type EventActor, recordEvent } from '../../database/events.ts'
import { inTransaction } from '../../database/in-transaction.ts'
import {
  closeQuarantine,
  forgetQuarantine,
  type HalfQuarantined,
  type OpenQuarantine,
} from '../../database/quarantined.ts'
import type { Place } from '../../database/places.ts'
import type { Clock, StorageKey } from '../../vocabulary.ts'
import { hashIfThere, putAside } from '../put-aside.ts'
import { removeBytes } from '../remove-bytes.ts'
import type { Stores } from '../stores.ts'
import type { StoreHere } from '../stores-here.ts'

export type QuarantineNeeds = { db: Db; stores: Stores; log: Logger; now: Clock }

type Stray = { key: StorageKey; size: number; modifiedAt: Date }

/**
 * Puts a stray aside, where nothing is served from: its copy's name is written down, the copy made and read back, and
 * only then the stray removed, under the lock that says once more that nothing names it. It may be killed at any moment
 * and run again. `gone`: somebody else removed it; `named`: a row names it after all, or that of a backup may, and it stays.
 */
export async function quarantineStray(
  needs: QuarantineNeeds,
  actor: EventActor,
  here: StoreHere,
  stray: Stray,
): Promise<'quarantined' | 'gone' | 'named'> {
  const place: Place = { store: here.store, storeId: here.storeId, key: stray.key }
  const { opened, isThere } = await putAside(needs.db, here, {
    ...stray,
    reason: `a stray, written ${stray.modifiedAt.toISOString()}`,
  })
  if (!isThere) {
    await endWithoutSource(needs, actor, here, { ...opened, key: stray.key })
    return 'gone'
  }
  const removed = await removeBytes(needs, place, null)
  if (removed === 'still_named' || removed === 'backup_runs') return 'named'
  await noteQuarantined(needs, actor, place, opened)
  return 'quarantined'
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
