import type { Logger } from 'pino'

import { findLastBackup, type LastBackup } from '../database/backup/running-backups.ts'
import type { Db, PoolCounts } from '../database/connection/client.ts'
import { findLastVerification, type LastVerification } from '../database/documents/verifications.ts'
import {
  countJobs,
  countRows,
  countUnfinishedUploads,
  type QueuedJobs,
  type RowCounts,
  type UnfinishedUploads,
  type Waiting,
} from '../database/work/count-rows.ts'
import type { Stores } from '../documents/stores/reachable-stores.ts'
import { rowGauges } from '../metrics/gauges.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Scanner } from '../scanner/scanner.ts'
import { readDiskSpace, type Spool } from '../storage/spool/spool.ts'
import type { ByteBudget } from '../storage/streams/memory-budget.ts'
import { readWorkStates, type PlannedWork, type WorkState } from './judge-work.ts'
import { createProbe } from './readiness.ts'

export type GaugeNeeds = {
  metrics: Metrics
  db: Db
  log: Logger
  budget: ByteBudget
  spool: Pick<Spool, 'bytes'>
  stores: Stores
  scanner: Scanner | undefined
  plan: readonly PlannedWork[]
  /** `uploads`: the local store; `data`: the spool and the embedded database. */
  folders: { uploads: string; data: string }
  countConnections(): PoolCounts
}

/** Returns a function that sets every gauge. It queries the database and the disks at most every two seconds. */
export function createGaugeReader(needs: GaugeNeeds): () => Promise<void> {
  const { metrics, log } = needs
  const logFailure = (source: string) => (error: unknown) =>
    log.warn({ event: 'metrics_incomplete', source, err: error }, 'metrics could not be read')
  const readDatabase = createProbe(() => setDatabaseGauges(needs), logFailure('database'))
  const readDisks = (['uploads', 'data'] as const).map((folder) => {
    const probe = createProbe(() => setDiskGauges(needs, folder), logFailure(`disk of ${folder}`))
    return async () => {
      if (!(await probe())) for (const gauge of [metrics.diskFree, metrics.diskSize]) gauge.remove({ folder })
    }
  })

  return async () => {
    setProcessGauges(needs)
    const disks = Promise.all(readDisks.map((read) => read()))
    const isAnswering = await readDatabase()
    metrics.databaseUp.set(isAnswering ? 1 : 0)
    // An old count would look like a present one.
    if (!isAnswering) clearDatabaseGauges(metrics)
    await disks
  }
}

/** The figures that this process knows without a query. */
function setProcessGauges(needs: GaugeNeeds): void {
  const { metrics, budget, spool, stores } = needs
  if (stores.s3 !== undefined) metrics.s3Available.set(stores.s3.outage() === undefined ? 1 : 0)
  else metrics.s3Available.remove()
  // The scan of waiting versions sets it; without a scanner there is none.
  if (needs.scanner === undefined) metrics.scannerUp.remove()
  const { inUse, idle, waiting, max } = needs.countConnections()
  metrics.databaseConnections.set({ state: 'in_use' }, inUse)
  metrics.databaseConnections.set({ state: 'idle' }, idle)
  metrics.databaseConnections.set({ state: 'waiting' }, waiting)
  metrics.databaseConnectionsMax.set(max)
  metrics.uploadMemory.set({ kind: 'used' }, budget.totalBytes - budget.free())
  metrics.uploadMemory.set({ kind: 'limit' }, budget.totalBytes)
  metrics.uploadsWaiting.set(budget.waiting())
  metrics.spoolBytes.set(spool.bytes())
}

async function setDiskGauges({ metrics, folders }: GaugeNeeds, folder: keyof GaugeNeeds['folders']): Promise<void> {
  const { freeBytes, sizeBytes } = await readDiskSpace(folders[folder])
  metrics.diskFree.set({ folder }, freeBytes)
  metrics.diskSize.set({ folder }, sizeBytes)
}

/** The figures that the database knows, the same at every instance. */
async function setDatabaseGauges({ metrics, db, scanner, plan }: GaugeNeeds): Promise<void> {
  // One after the other: the metrics do not take several connections from requests.
  const rows = await countRows(db, { hasScanner: scanner !== undefined })
  const unfinished = await countUnfinishedUploads(db)
  const jobs = await countJobs(db)
  const verification = await findLastVerification(db)
  const work = await readWorkStates(db, plan)
  const backup = await findLastBackup(db)

  setRowGauges(metrics, rows)
  setUnfinishedUploads(metrics, unfinished)
  setJobGauges(metrics, jobs)
  setVerificationGauges(metrics, verification)
  setWorkGauges(metrics, work)
  setBackupGauges(metrics, backup)
}

function clearDatabaseGauges(metrics: Metrics): void {
  setRowGauges(metrics, undefined)
  setUnfinishedUploads(metrics, undefined)
  setJobGauges(metrics, [])
  setVerificationGauges(metrics, undefined)
  setWorkGauges(metrics, [])
  setBackupGauges(metrics, undefined)
}

function setRowGauges(metrics: Metrics, rows: RowCounts | undefined): void {
  metrics.holds.reset()
  if (rows !== undefined) {
    metrics.holds.set({ on: 'firm' }, rows.heldFirms.count)
    metrics.holds.set({ on: 'document' }, rows.heldDocuments.count)
  }
  const all = rows && { ...rows, platformRows: sumPlatformRows(rows) }
  // Object.entries cannot express that each name is one of the gauges.
  for (const [name, gauge] of Object.entries(rowGauges) as [keyof typeof rowGauges, RowGauge][])
    if (all === undefined) metrics[name].remove()
    else metrics[name].set(all[gauge.rows][gauge.value])
}
type RowGauge = (typeof rowGauges)[keyof typeof rowGauges]

function setUnfinishedUploads(metrics: Metrics, unfinished: UnfinishedUploads | undefined): void {
  const { unfinishedUploads: count, unfinishedUploadsReserved: reserved, unfinishedUploadsOldest: oldest } = metrics
  if (unfinished === undefined) {
    for (const gauge of [count, reserved, oldest]) gauge.remove()
    return
  }
  count.set(unfinished.count)
  reserved.set(unfinished.reservedBytes)
  oldest.set(unfinished.oldestSeconds)
}

/** The platform's rows with a change to follow, and those that are not documents yet. */
export function sumPlatformRows({ unfollowed, notAdopted }: RowCounts): Waiting {
  return {
    count: unfollowed.count + notAdopted.count,
    oldestSeconds: Math.max(unfollowed.oldestSeconds, notAdopted.oldestSeconds),
  }
}

function setJobGauges(metrics: Metrics, queued: QueuedJobs[]): void {
  metrics.jobs.reset()
  for (const { queue, state, count } of queued) metrics.jobs.set({ queue, state }, count)

  metrics.jobsOldest.reset()
  for (const [queue, states] of Map.groupBy(queued, (each) => each.queue))
    metrics.jobsOldest.set({ queue }, Math.max(...states.map(({ oldestSeconds }) => oldestSeconds)))
}

function setVerificationGauges(metrics: Metrics, last: LastVerification | undefined): void {
  metrics.verificationFindings.reset()
  if (last === undefined) {
    for (const gauge of [metrics.verificationFinishedAt, metrics.verificationComplete, metrics.verificationVersions])
      gauge.remove()
    return
  }
  metrics.verificationFinishedAt.set(last.finishedAt.getTime() / 1000)
  metrics.verificationComplete.set(last.isComplete ? 1 : 0)
  metrics.verificationVersions.set(last.files)
  for (const [kind, count] of Object.entries(last.findings)) metrics.verificationFindings.set({ kind }, count)
}

function setBackupGauges(metrics: Metrics, last: LastBackup | undefined): void {
  if (last === undefined) {
    metrics.backupFinishedAt.remove()
    metrics.backupComplete.remove()
    return
  }
  metrics.backupFinishedAt.set(last.endedAt.getTime() / 1000)
  metrics.backupComplete.set(last.outcome === 'whole' ? 1 : 0)
}

/** Of a task that runs for several disks, the worst state counts. */
function setWorkGauges(metrics: Metrics, work: WorkState[]): void {
  for (const gauge of [metrics.jobSucceeded, metrics.jobLastRunOk, metrics.jobOverdue]) gauge.reset()
  const active = work.filter(({ isGone }) => !isGone)
  for (const [task, states] of Map.groupBy(active, ({ name }) => name)) {
    metrics.jobOverdue.set({ task }, Math.max(...states.map(({ overdueSeconds }) => overdueSeconds)))
    const succeeded = states.flatMap(({ succeededAt }) => succeededAt?.getTime() ?? [])
    if (succeeded.length > 0) metrics.jobSucceeded.set({ task }, Math.max(...succeeded) / 1000)
    const ended = states.flatMap(({ last }) => last ?? [])
    if (ended.length > 0) metrics.jobLastRunOk.set({ task }, ended.every(({ outcome }) => outcome === 'ok') ? 1 : 0)
  }
}
