import { systemActor } from '../database/audit/events.ts'
import type { VersionCursor } from '../database/documents/versions-in-store.ts'
import { claimStore, disableWrongBucket } from '../documents/stores/claim-store.ts'
import { collectBlobs } from '../documents/stores/collect-blobs.ts'
import { finishUploads, type FinishNeeds } from '../documents/resumable/finish-uploads.ts'
import type { Config } from '../config/load-config.ts'
import { drain } from '../documents/moving/drain-fallback.ts'
import type { MoveNeeds } from '../documents/moving/move-version.ts'
import { scanStored, type ScanStoredNeeds } from '../documents/scanning/scan-due-versions.ts'
import { chooseTarget } from '../documents/stores/fallback.ts'
import { type ReachableStore, reachableStores, storeLabel } from '../documents/stores/reachable-stores.ts'
import { fillHashes, type HashFilling } from '../documents/verifying/check-versions.ts'
import type { Tracing } from '../logging/spans.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { isS3Unavailable } from '../storage/s3/requests/s3-operation.ts'
import { repeat } from './run-job.ts'
import { readClock } from '../database/connection/client.ts'

type LocalDiskNeeds = MoveNeeds &
  ScanStoredNeeds &
  Omit<FinishNeeds, 'secondFactor'> & {
    config: Pick<Config, 'secondFactorOfKeys'>
    tracing: Tracing | undefined
    instance: string
    metrics: Pick<Metrics, 'jobSeconds' | 'failedRemovals'>
  }

export type LocalDiskTimes = {
  drainEveryMs: number
  collectEveryMs: number
  hashEveryMs?: number
  scanEveryMs?: number
  finishEveryMs?: number
}

export const defaultTimes = {
  drainEveryMs: 60_000,
  collectEveryMs: 60 * 60_000,
  hashEveryMs: 5 * 60_000,
  scanEveryMs: 20_000,
  finishEveryMs: 60_000,
}

type LocalHere = Extract<ReachableStore, { store: 'local' }>

const filesAtOnce = 4
/** Most of the platform's documents without a hash may be on other disks, and each costs a check. */
const maxHashChecks = 5000

/**
 * Runs the tasks for the disk of this process, which other instances may not reach: it moves files stored during an outage
 * to S3, collects blobs, adds hashes to the platform's documents, scans pending files, and finishes resumable uploads.
 * Several processes may share a disk.
 */
export function startLocalDiskTasks(
  needs: LocalDiskNeeds,
  times: LocalDiskTimes = defaultTimes,
): { close(): Promise<void> } {
  const ending = new AbortController()
  const { signal } = ending
  const { local, s3 } = needs.stores
  const here: LocalHere = { store: 'local', storeId: local.storeId, files: local }
  const { drainEveryMs, collectEveryMs, hashEveryMs, scanEveryMs, finishEveryMs } = { ...defaultTimes, ...times }
  const claimStores = createStoreClaimer(needs)
  const every = (name: string, everyMs: number, run: (taskId: string) => Promise<Record<string, number>>) =>
    repeat(needs, { name, disk: local.storeId, everyMs, run })

  const draining = every('drain', drainEveryMs, async (taskId) => {
    await claimStores()
    return drainWhileS3Answers(needs, taskId, signal)
  })
  const tasks = [
    draining,
    every('collect', collectEveryMs, async () => collectBlobs({ ...needs, now: await readClock(needs.db) }, signal)),
    every('hash', hashEveryMs, hashingOnDisk(needs, here, signal)),
    every('scan', scanEveryMs, (taskId) => scanStored(needs, systemActor(taskId), here, signal)),
    every('finish-uploads', finishEveryMs, (taskId) =>
      finishUploads({ ...needs, secondFactor: needs.config.secondFactorOfKeys }, taskId, signal),
    ),
  ]
  const stopListening = s3?.onRecovery(draining.runNow)
  return {
    async close() {
      stopListening?.()
      ending.abort(new Error('The service is ending.'))
      await Promise.all(tasks.map((task) => task.end()))
    },
  }
}

/** Walks the platform's documents without a hash, a batch per run, and reads those on this disk. */
function hashingOnDisk(needs: MoveNeeds, here: LocalHere, signal: AbortSignal) {
  let after: VersionCursor | undefined
  return async (taskId: string): Promise<Record<string, number>> => {
    const batch: Pick<HashFilling, 'maxVersions' | 'concurrency' | 'patienceMs'> = {
      maxVersions: maxHashChecks,
      concurrency: 2,
      patienceMs: 0,
    }
    const { counts, next } = await fillHashes(needs, systemActor(taskId), { here, after, ...batch, signal })
    after = next
    // Most files may be on other disks, which is not worth a log line.
    const { not_here: _, ...others } = counts
    return others
  }
}

async function drainWhileS3Answers(
  needs: MoveNeeds,
  taskId: string,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  if (chooseTarget(needs.stores) !== 's3') return {}
  const timed = { ...needs, now: await readClock(needs.db) }
  const { stoppedBy, ...drained } = await drain(timed, systemActor(taskId), { concurrency: filesAtOnce, signal })
  if (stoppedBy !== undefined)
    needs.log.warn({ event: 'drain_stopped', err: stoppedBy }, 'draining stopped, trying again later')
  return drained
}

/** Claims each store as soon as it answers. Call the result regularly. A store of another installation is logged once. */
export function createStoreClaimer({
  db,
  stores,
  log,
}: Pick<LocalDiskNeeds, 'db' | 'stores' | 'log'>): () => Promise<void> {
  const waiting = new Set(reachableStores(stores))
  return async () => {
    for (const here of waiting) {
      try {
        if (here.store === 's3') await disableWrongBucket({ db, stores })
        if (here.store === 's3' && here.files.outage() !== undefined) continue
        const owner = await claimStore({ db, stores }, here)
        waiting.delete(here)
        if (owner === 'other')
          log.error(
            { event: 'store_of_another_installation', store: here.store },
            `${storeLabel(here)} belongs to another installation: its paniq-documents.json says so`,
          )
      } catch (error) {
        // The failed call is logged already. The next run tries again.
        if (isS3Unavailable(error)) continue
        log.warn({ event: 'claim_failed', store: here.store, err: error }, 'owner of the store could not be read')
      }
    }
  }
}
