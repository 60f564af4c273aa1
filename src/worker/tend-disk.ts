import { systemActor } from '../database/events.ts'
import { readClock } from '../database/read-clock.ts'
import type { VersionCursor } from '../database/versions-in-store.ts'
import { collectBlobs } from '../documents/collect-blobs.ts'
import { drain } from '../documents/moving/drain.ts'
import type { MoveNeeds } from '../documents/moving/move-version.ts'
import { targetOf } from '../documents/stores.ts'
import { scanStored, type ScanStoredNeeds } from '../documents/scanning/scan-stored.ts'
import { fillHashes } from '../documents/verifying/fill-hashes.ts'
import type { Tracing } from '../logger-trace.ts'
import type { Metrics } from '../metrics.ts'
import { claimingStores } from './claim-stores.ts'
import { repeat } from './repeat.ts'

type TendNeeds = MoveNeeds &
  ScanStoredNeeds & {
    tracing: Tracing | undefined
    instance: string
    metrics: Pick<Metrics, 'jobSeconds' | 'removalsFailed'>
  }

export type TendTimes = { drainEveryMs: number; collectEveryMs: number; hashEveryMs?: number; scanEveryMs?: number }

export const usualTimes = {
  drainEveryMs: 60_000,
  collectEveryMs: 60 * 60_000,
  hashEveryMs: 5 * 60_000,
  scanEveryMs: 20_000,
}

const filesAtOnce = 4
/** Of the platform's documents without a hash, most may lie on other disks: each costs a look. */
const mostLooksForHash = 5000

/**
 * Looks after the disk of this process for as long as it runs, since nobody else may be able to: what was uploaded to it
 * while S3 was away goes to S3 as soon as that is back, what failures left is collected; the platform's documents
 * get their hash, and what waits for its scan is scanned. Any number of processes may
 * do so on the same disk.
 */
export function tendDisk(needs: TendNeeds, times: TendTimes = usualTimes): { close(): Promise<void> } {
  const ending = new AbortController()
  const { signal } = ending
  const { local } = needs.stores
  const disk = local.storeId
  const claimStores = claimingStores(needs)
  const draining = repeat(needs, {
    name: 'drain',
    disk,
    everyMs: times.drainEveryMs,
    async run(taskId) {
      await claimStores()
      return drainWhileS3Answers(needs, taskId, signal)
    },
  })
  const collecting = repeat(needs, {
    name: 'collect',
    disk,
    everyMs: times.collectEveryMs,
    run: async () => collectBlobs({ ...needs, now: await readClock(needs.db) }, signal),
  })
  const hashing = repeat(needs, {
    name: 'hash',
    disk,
    everyMs: times.hashEveryMs ?? usualTimes.hashEveryMs,
    run: hashingOnDisk(needs, signal),
  })
  const scanning = repeat(needs, {
    name: 'scan',
    disk,
    everyMs: times.scanEveryMs ?? usualTimes.scanEveryMs,
    run: (taskId) =>
      scanStored(needs, systemActor(taskId), { store: 'local', storeId: local.storeId, files: local }, signal),
  })
  const unhear = needs.stores.s3?.onBack(draining.ringNow)
  return {
    async close() {
      unhear?.()
      ending.abort(new Error('The service is ending.'))
      await Promise.all([draining.end(), collecting.end(), hashing.end(), scanning.end()])
    },
  }
}

/** Goes round through the platform's documents that have no hash, so many at a time, and reads those on this disk. */
function hashingOnDisk(needs: MoveNeeds, signal: AbortSignal): (taskId: string) => Promise<Record<string, number>> {
  const { local } = needs.stores
  const here = { store: 'local', storeId: local.storeId, files: local } as const
  let after: VersionCursor | undefined
  return async (taskId) => {
    const filling = { here, after, most: mostLooksForHash, concurrency: 2, patienceMs: 0, signal }
    const { counts, next } = await fillHashes(needs, systemActor(taskId), filling)
    after = next
    // What lies elsewhere is no news.
    const { not_here: _elsewhere, ...news } = counts
    return news
  }
}

async function drainWhileS3Answers(
  needs: MoveNeeds,
  taskId: string,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  if (targetOf(needs.stores) !== 's3') return {}
  const timed = { ...needs, now: await readClock(needs.db) }
  const { stoppedBy, ...drained } = await drain(timed, systemActor(taskId), { concurrency: filesAtOnce, signal })
  if (stoppedBy !== undefined)
    needs.log.warn({ event: 'drain_stopped', err: stoppedBy }, 'draining stopped; it is tried again')
  return drained
}
