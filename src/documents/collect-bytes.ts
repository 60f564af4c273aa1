import { setTimeout as wait } from 'node:timers/promises'

import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import { endDeadMove, listDeadMoves } from '../database/dead-moves.ts'
import { findDisposedFile, listDisposedFiles, noteDisposed } from '../database/disposed-files.ts'
import {
  type DueRemoval,
  endStaleUpload,
  forgetRemoval,
  listDueRemovals,
  listStaleUploads,
  postponeRemoval,
  type StaleUpload,
} from '../database/removals.ts'
import type { Place } from '../database/places.ts'
import { giveRoomOfStaleBack } from '../database/uploads.ts'
import type { Metrics } from '../metrics.ts'
import type { Removed } from '../storage/file-store.ts'
import type { Clock, StoreName, UploadId } from '../vocabulary.ts'
import { knowingNoncurrentDays, type NoncurrentDays } from './purge/knowing-noncurrent-days.ts'
import { removeBytes } from './remove-bytes.ts'
import { filesHere } from './stores-here.ts'
import { type Stores, storeUnavailable } from './stores.ts'

export type CollectNeeds = {
  db: Db
  stores: Stores
  log: Logger
  metrics: Pick<Metrics, 'removalsFailed'>
  now: Clock
  /** Only what is older is taken for dead. Whatever lives longer finds itself given up, before its bytes go. */
  graceMs: number
}

/** How many were tidied up of each kind, and how many could not be yet. */
export type Collected = { uploads: number; moves: number; removals: number; left: number }

const pageSize = 100

/**
 * The collector: ends what never ended (uploads whose client or instance died, moves that nobody took up again) and
 * removes the bytes that rows have noted for it. It acts on rows alone, on this disk and on S3; what no row names is for
 * `verify` to find. May run twice, and beside others.
 */
export async function collectBytes(needs: CollectNeeds, signal: AbortSignal): Promise<Collected> {
  const collected: Collected = { uploads: 0, moves: 0, removals: 0, left: 0 }
  const before = new Date(needs.now().getTime() - needs.graceMs)
  await endDeadMoves(needs, before, collected)
  await endStaleUploads(needs, { before, signal }, collected)
  await giveRoomOfStaleBack(needs.db, before)
  const noncurrentDays = knowingNoncurrentDays(needs.stores)
  await removeWhatIsDue({ ...needs, noncurrentDays }, signal, collected)
  await removePurgedFromQuarantine({ ...needs, noncurrentDays }, signal, collected)
  return collected
}

async function endDeadMoves(needs: CollectNeeds, before: Date, collected: Collected): Promise<void> {
  for (const move of await listDeadMoves(needs.db, before, 10 * pageSize)) {
    await counting(needs, move.to, collected, async () => {
      await abortMultipart(needs, move.to, move.multipartId)
      await endDeadMove(needs.db, move, { before, dueAt: needs.now() })
      collected.moves += 1
    })
  }
}

async function endStaleUploads(
  needs: CollectNeeds,
  { before, signal }: { before: Date; signal: AbortSignal },
  collected: Collected,
): Promise<void> {
  let after: UploadId | undefined
  do {
    const page: StaleUpload[] = await listStaleUploads(needs.db, reachOf(needs), { before, after, limit: pageSize })
    for (const upload of page) {
      if (signal.aborted) return
      await counting(needs, upload, collected, async () => {
        await abortMultipart(needs, upload, upload.multipartId)
        // What it stored goes with what is due, below.
        if (await endStaleUpload(needs.db, upload.id, { before, dueAt: needs.now() })) collected.uploads += 1
      })
    }
    after = page.length < pageSize ? undefined : page.at(-1)?.id
  } while (after !== undefined)
}

type RemoveNeeds = CollectNeeds & { noncurrentDays: NoncurrentDays }

async function removeWhatIsDue(needs: RemoveNeeds, signal: AbortSignal, collected: Collected): Promise<void> {
  const now = needs.now()
  for (;;) {
    const page = await listDueRemovals(needs.db, reachOf(needs), { now, limit: pageSize })
    for (const removal of page) {
      if (signal.aborted) return
      const isDone = await counting(needs, removal, collected, () => removeOne(needs, removal, collected))
      if (!isDone) await postponeRemoval(needs.db, removal.id, inAnHour(now))
    }
    if (page.length < pageSize) return
    // Removing must not crowd out uploads.
    await wait(10)
  }
}

async function removeOne(needs: RemoveNeeds, removal: DueRemoval, collected: Collected): Promise<void> {
  const purged = await findDisposedFile(needs.db, removal)
  const outcome = purged?.isHeld === true ? 'held' : await removeBytes(needs, removal, null)
  switch (outcome) {
    case 'destroyed':
    case 'hidden':
      if (purged !== undefined) await noteDisposed(needs.db, purged, await outcomeOf(needs, removal, outcome))
      await forgetRemoval(needs.db, removal.id)
      collected.removals += 1
      return
    case 'still_named':
    case 'held':
      await postponeRemoval(needs.db, removal.id, inADay(needs.now()))
      return
    case 'backup_runs':
      await postponeRemoval(needs.db, removal.id, inAnHour(needs.now()))
  }
}

/** What was put aside of documents that a purge has taken. Nothing else removes anything from there. */
async function removePurgedFromQuarantine(
  needs: RemoveNeeds,
  signal: AbortSignal,
  collected: Collected,
): Promise<void> {
  const page = { which: 'in_quarantine', documentIds: undefined, after: undefined, limit: 10 * pageSize } as const
  for (const file of await listDisposedFiles(needs.db, reachOf(needs), page)) {
    if (signal.aborted) return
    if (file.isHeld || !file.isQuarantined) continue
    await counting(needs, file, collected, async () => {
      const removed = await filesHere(needs.stores, file).quarantine.remove(file.key)
      await noteDisposed(needs.db, file, await outcomeOf(needs, file, removed))
      collected.removals += 1
    })
  }
}

async function outcomeOf({ now, noncurrentDays }: RemoveNeeds, { key }: { key: string }, removed: Removed) {
  return { removed, at: now(), noncurrentDays: removed === 'hidden' ? await noncurrentDays(key) : undefined }
}

/** Runs one removal; a failure is told and does not keep the rest waiting. */
async function counting(
  { log, metrics }: CollectNeeds,
  { store, key }: { store: StoreName; key: string },
  collected: Collected,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    collected.left += 1
    metrics.removalsFailed.inc()
    log.warn({ event: 'collect_failed', store, key, err: error }, 'these bytes could not be removed; it is tried again')
    return false
  }
}

async function abortMultipart({ stores }: CollectNeeds, place: Place, multipartId: string | null): Promise<void> {
  if (multipartId === null) return
  if (stores.s3 === undefined) throw storeUnavailable()
  await stores.s3.abortMultipart(place.key, multipartId)
}

function reachOf({ stores }: CollectNeeds) {
  return { localStoreId: stores.local.storeId, hasS3: stores.s3 !== undefined && stores.s3.outage() === undefined }
}

const hourMs = 60 * 60 * 1000

function inAnHour(now: Date): Date {
  return new Date(now.getTime() + hourMs)
}

function inADay(now: Date): Date {
  return new Date(now.getTime() + 24 * hourMs)
}
