import type { Logger } from 'pino'
import type { Gauge } from 'prom-client'

import { findLastBackup, type LastBackup } from '../../database/backup/running-backups.ts'
import type { Db, PoolCounts } from '../../database/connection/client.ts'
import { countJobs, countRows, type QueuedJobs, type RowCounts, type Waiting } from '../../database/work/count-rows.ts'
import { findLastVerification, type LastVerification } from '../../database/documents/verifications.ts'
import type { Stores } from '../../documents/stores/stores.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { readWorkStates, type PlannedWork, type WorkState } from '../../operations/judge-work.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { ByteBudget } from '../../storage/streams/memory-budget.ts'
import { readDiskRoom, type Spool } from '../../storage/spool/spool.ts'
import { createProbe } from './readiness.ts'

export type LevelsNeeds = {
  metrics: Metrics
  db: Db
  log: Logger
  budget: ByteBudget
  spool: Pick<Spool, 'bytes'>
  stores: Stores
  scanner: Scanner | undefined
  plan: readonly PlannedWork[]
  /** Where files lie for good, and on their way. */
  folders: { uploads: string; data: string }
  countConnections(): PoolCounts
}

/** Takes every figure that is not counted as it happens; asks the database and the disks at most every two seconds. */
export function createLevelMeter(needs: LevelsNeeds): () => Promise<void> {
  const { metrics, log } = needs
  const tell = (what: string) => (error: unknown) =>
    log.warn({ event: 'metrics_incomplete', err: error }, `${what} could not be looked at`)
  const askDatabase = createProbe(() => showRows(needs), tell('the database'))
  const showDisks = (['uploads', 'data'] as const).map((folder) => {
    const ask = createProbe(() => showDisk(needs, folder), tell(`the disk of ${folder}`))
    return async () => {
      if (!(await ask())) for (const level of [metrics.diskFree, metrics.diskSize]) level.remove({ folder })
    }
  })

  return async () => {
    showOwn(needs)
    const disks = Promise.all(showDisks.map((show) => show()))
    const isAnswering = await askDatabase()
    metrics.databaseUp.set(isAnswering ? 1 : 0)
    // An old count would look like a present one.
    if (!isAnswering) forgetRows(metrics)
    await disks
  }
}

/** What this process knows by itself. */
function showOwn(needs: LevelsNeeds): void {
  const { metrics, budget, spool, stores } = needs
  if (stores.s3 !== undefined) metrics.s3Available.set(stores.s3.outage() === undefined ? 1 : 0)
  else metrics.s3Available.remove()
  // The sweep sets it; without a scanner there is none.
  if (needs.scanner === undefined) metrics.scannerUp.remove()
  const { inUse, idle, waiting, max: most } = needs.countConnections()
  metrics.databaseConnections.set({ state: 'in_use' }, inUse)
  metrics.databaseConnections.set({ state: 'idle' }, idle)
  metrics.databaseConnections.set({ state: 'waiting' }, waiting)
  metrics.databaseConnectionsMax.set(most)
  metrics.uploadMemory.set({ kind: 'used' }, budget.totalBytes - budget.free())
  metrics.uploadMemory.set({ kind: 'limit' }, budget.totalBytes)
  metrics.uploadsWaiting.set(budget.waiting())
  metrics.spoolBytes.set(spool.bytes())
}

async function showDisk({ metrics, folders }: LevelsNeeds, folder: keyof LevelsNeeds['folders']): Promise<void> {
  const { freeBytes, sizeBytes } = await readDiskRoom(folders[folder])
  metrics.diskFree.set({ folder }, freeBytes)
  metrics.diskSize.set({ folder }, sizeBytes)
}

/** Sets the figures that the database knows, which are the same at every instance. */
async function showRows({ metrics, db, scanner, plan }: LevelsNeeds): Promise<void> {
  // One after the other: a look at the figures does not take several connections from people.
  const rows = await countRows(db, { hasScanner: scanner !== undefined })
  const jobs = await countJobs(db)
  const last = await findLastVerification(db)
  const work = await readWorkStates(db, plan)
  const backup = await findLastBackup(db)

  const all = { ...rows, platformRows: platformRowsOf(rows) }
  for (const [name, count, oldest] of levelsOfRows(metrics)) {
    count.set(all[name].count)
    oldest?.set(all[name].oldestSeconds)
  }
  metrics.holds.set({ on: 'firm' }, rows.heldFirms.count)
  metrics.holds.set({ on: 'document' }, rows.heldDocuments.count)

  showJobs(metrics, jobs)
  showVerification(metrics, last)
  showWork(metrics, work)
  showBackup(metrics, backup)
}

/** For a database that does not answer. */
function forgetRows(metrics: Metrics): void {
  for (const [, count, oldest] of levelsOfRows(metrics)) {
    count.remove()
    oldest?.remove()
  }
  metrics.holds.reset()
  showJobs(metrics, [])
  showVerification(metrics, undefined)
  showWork(metrics, [])
  showBackup(metrics, undefined)
}

/** Of each kind of rows: how many there are, and for how long the oldest has waited. */
function levelsOfRows(metrics: Metrics): [keyof RowCounts | 'platformRows', Gauge, Gauge?][] {
  return [
    ['openUploads', metrics.openUploads, metrics.openUploadsOldest],
    ['fallback', metrics.fallbackFiles, metrics.fallbackOldest],
    ['openMoves', metrics.openMoves, metrics.openMovesOldest],
    ['dueRemovals', metrics.dueRemovals, metrics.dueRemovalsOldest],
    ['quarantined', metrics.quarantinedFiles],
    ['eventsWithoutMonth', metrics.eventsWithoutMonth],
    ['eventMonthsAhead', metrics.eventMonthsAhead],
    ['platformRows', metrics.platformRowsWaiting, metrics.platformRowsOldest],
    ['unhashed', metrics.unhashedDocuments],
    ['scansWaiting', metrics.scansPending, metrics.scansPendingOldest],
    ['infected', metrics.infectedVersions],
    ['inTrash', metrics.trashDocuments, metrics.trashOldest],
  ]
}

/** The platform's rows whose change is not followed yet, and those that are no documents here yet. */
export function platformRowsOf({ unfollowed, notAdopted }: RowCounts): Waiting {
  return {
    count: unfollowed.count + notAdopted.count,
    oldestSeconds: Math.max(unfollowed.oldestSeconds, notAdopted.oldestSeconds),
  }
}

function showJobs(metrics: Metrics, queued: QueuedJobs[]): void {
  metrics.jobs.reset()
  for (const { queue, state, count } of queued) metrics.jobs.set({ queue, state }, count)

  metrics.jobsOldest.reset()
  for (const [queue, states] of Map.groupBy(queued, (each) => each.queue))
    metrics.jobsOldest.set({ queue }, Math.max(...states.map(({ oldestSeconds }) => oldestSeconds)))
}

function showVerification(metrics: Metrics, last: LastVerification | undefined): void {
  metrics.verificationFindings.reset()
  if (last === undefined) {
    for (const level of [metrics.verificationFinishedAt, metrics.verificationComplete, metrics.verificationVersions])
      level.remove()
    return
  }
  metrics.verificationFinishedAt.set(last.finishedAt.getTime() / 1000)
  metrics.verificationComplete.set(last.isComplete ? 1 : 0)
  metrics.verificationVersions.set(last.files)
  for (const [kind, count] of Object.entries(last.findings)) metrics.verificationFindings.set({ kind }, count)
}

function showBackup(metrics: Metrics, last: LastBackup | undefined): void {
  if (last === undefined) {
    metrics.backupFinishedAt.remove()
    metrics.backupComplete.remove()
    return
  }
  metrics.backupFinishedAt.set(last.endedAt.getTime() / 1000)
  metrics.backupComplete.set(last.outcome === 'whole' ? 1 : 0)
}

/** Sets how the last runs went; of what is done on several disks the worst counts. */
function showWork(metrics: Metrics, work: WorkState[]): void {
  for (const level of [metrics.jobSucceeded, metrics.jobLastRunOk, metrics.jobOverdue]) level.reset()
  const here = work.filter(({ isGone }) => !isGone)
  for (const [task, states] of Map.groupBy(here, ({ name }) => name)) {
    metrics.jobOverdue.set({ task }, Math.max(...states.map(({ overdueSeconds }) => overdueSeconds)))
    const succeeded = states.flatMap(({ succeededAt }) => succeededAt?.getTime() ?? [])
    if (succeeded.length > 0) metrics.jobSucceeded.set({ task }, Math.max(...succeeded) / 1000)
    const ended = states.flatMap(({ last }) => last ?? [])
    if (ended.length > 0) metrics.jobLastRunOk.set({ task }, ended.every(({ outcome }) => outcome === 'ok') ? 1 : 0)
  }
}
