import pLimit from 'p-limit'
import type { Logger } from 'pino'

import type { StoreRef } from '../../database/blobs/blob.ts'
import {
  claimRemovals,
  type ClaimedRemovals,
  type Removal,
  type RemovalOutcome,
  type RemovalScope,
  recordRemovals,
} from '../../database/blobs/remove-blobs.ts'
import type { Db } from '../../database/connection/client.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { isReadableKey, isStorableKey, requireQuarantineKey } from '../../storage/storage-key.ts'
import type { BlobId, Clock, ProcessId } from '../../vocabulary/vocabulary.ts'
import { type ReachableStore, type Stores, reachableStores } from './reachable-stores.ts'

export type RemoveNeeds = {
  db: Db
  processId: ProcessId
  stores: Stores
  log: Logger
  metrics: Pick<Metrics, 'failedRemovals'>
  now: Clock
}

/** The results of a batch. `postponed`: blobs that something still needs. */
type RemovedBatch = { removed: number; failed: number; postponed: ClaimedRemovals['postponed'] }

const batchSize = { s3: 1000, local: 100 }
const filesAtOnce = 8

/**
 * Removes a batch of leaving blobs of one store: claim the rows, remove the files, record the results. If the process dies
 * after the claim, the claims end with it, and another run removes the rest: removing an absent file succeeds. A blob that
 * cannot be removed is logged and tried again in an hour.
 */
export async function removeBatch(
  needs: RemoveNeeds,
  here: ReachableStore,
  scope: RemovalScope,
): Promise<RemovedBatch> {
  const { db, processId, log, metrics } = needs
  const batch = await claimRemovals(db, processId, here, {
    scope,
    now: needs.now(),
    limit: batchSize[here.store],
  })
  const { claimId, removals, postponed } = batch
  const noncurrentDays = createNoncurrentDays(needs.stores)
  const outcomes = new Map<BlobId, RemovalOutcome>()
  const record = async (removal: Removal, removing: Promise<'destroyed' | 'hidden'>) => {
    const outcome = await outcomeOf(needs, removal, { removing, noncurrentDays })
    if ('error' in outcome) {
      metrics.failedRemovals.inc()
      const about = { store: here.store, key: removal.key, err: outcome.error }
      log.warn({ event: 'collect_failed', ...about }, 'blob could not be removed, trying again later')
    }
    outcomes.set(removal.id, outcome)
  }
  for (const { id, key } of removals) if (!isStorableKey(key)) outcomes.set(id, { id, outcome: 'destroyed' })
  await removeFrom(
    here,
    removals.filter(({ id }) => !outcomes.has(id)),
    record,
  )
  await recordRemovals(db, { claimId, now: needs.now() }, [...outcomes.values()])
  const failed = [...outcomes.values()].filter(({ outcome }) => outcome === 'failed').length
  return { removed: outcomes.size - failed, failed, postponed }
}

/** Removes these leaving blobs of one store now. The collector removes those that fail or are on another disk. */
export async function removeNow(needs: RemoveNeeds, { store, storeId }: StoreRef, ids: BlobId[]): Promise<void> {
  const here = reachableStores(needs.stores).find((each) => each.store === store && each.storeId === storeId)
  if (here !== undefined && ids.length > 0) await removeBatch(needs, here, { ids })
}

type Record = (removal: Removal, removing: Promise<'destroyed' | 'hidden'>) => Promise<void>

async function removeFrom(here: ReachableStore, removals: Removal[], record: Record): Promise<void> {
  const limit = pLimit(filesAtOnce)
  if (here.store === 'local') {
    await Promise.all(removals.map((each) => limit(() => record(each, removeOne(here, each)))))
    return
  }
  // An object whose multipart upload cannot be aborted keeps its row, which names the upload.
  const whole: Removal[] = []
  const abort = async (removal: Removal): Promise<void> => {
    try {
      await abortParts(here, removal)
      whole.push(removal)
    } catch (error) {
      await record(removal, Promise.reject(error))
    }
  }
  await Promise.all(removals.map((each) => limit(() => abort(each))))
  if (whole.length === 0) return
  const answers = await here.files.removeMany(whole.map(({ key }) => key)).catch((error: unknown) => error)
  for (const removal of whole) await record(removal, answerFor(answers, removal))
}

async function answerFor(answers: unknown, { key }: Removal): Promise<'destroyed' | 'hidden'> {
  const answer: unknown = answers instanceof Map ? answers.get(key) : answers
  if (answer === 'destroyed' || answer === 'hidden') return answer
  throw answer
}

export async function removeOne(
  { files }: ReachableStore,
  { key }: Pick<Removal, 'key'>,
): Promise<'destroyed' | 'hidden'> {
  return isReadableKey(key) ? files.remove(key) : files.quarantine.remove(requireQuarantineKey(key))
}

/** Aborts the multipart upload that a blob may still have. */
export async function abortParts(here: ReachableStore, { key, multipartId }: Removal): Promise<void> {
  if (here.store === 's3' && multipartId !== null && isReadableKey(key))
    await here.files.abortMultipart(key, multipartId)
}

type Removing = { removing: Promise<'destroyed' | 'hidden'>; noncurrentDays: NoncurrentDays }

async function outcomeOf(
  { now }: RemoveNeeds,
  { id, key }: Removal,
  { removing, noncurrentDays }: Removing,
): Promise<RemovalOutcome & { error?: unknown }> {
  try {
    const outcome = await removing
    if (outcome === 'destroyed') return { id, outcome }
    const days = await noncurrentDays(key)
    return { id, outcome, destroyedBy: days === undefined ? undefined : dayAfter(now(), days) }
  } catch (error) {
    return { id, outcome: 'failed', error }
  }
}

const dayMs = 24 * 60 * 60 * 1000

/** A lifecycle rule counts whole days from the next midnight. */
function dayAfter(now: Date, days: number): string {
  return new Date(now.getTime() + (days + 1) * dayMs).toISOString().slice(0, 10)
}

type NoncurrentDays = (key: string) => Promise<number | undefined>

/** For how many days the bucket stores noncurrent versions of such keys; asked once per prefix. Undefined if unknown. */
function createNoncurrentDays({ s3 }: Stores): NoncurrentDays {
  const known = new Map<string, Promise<number | undefined>>()
  return async (key) => {
    const kind = key.slice(0, key.indexOf('/'))
    const days = known.get(kind) ?? s3?.findNoncurrentDays(key).catch(() => undefined) ?? Promise.resolve(undefined)
    known.set(kind, days)
    return days
  }
}
