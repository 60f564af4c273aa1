import type { Gauge } from 'prom-client'

import { findLastBackup, type LastBackup } from '../database/backup/running-backups.ts'
import type { Db } from '../database/client.ts'
import { countJobs, countRows, type QueuedJobs, type Waiting } from '../database/count-rows.ts'
import { findLastVerification, type LastVerification } from '../database/verifications.ts'
import type { Metrics } from '../metrics.ts'
import { lookOverWork } from '../operations/look-over-work.ts'
import type { PlannedWork } from '../operations/planned-work.ts'
import type { Scanner } from '../scanner/scanner.ts'
import { showWork } from './show-work.ts'

type Needs = { metrics: Metrics; db: Db; scanner: Scanner | undefined; plan: readonly PlannedWork[] }

/** Sets the figures that the database knows, which are the same at every instance. */
export async function showRows({ metrics, db, scanner, plan }: Needs): Promise<void> {
  // One after the other: whoever looks at figures does not take several connections from people.
  const rows = await countRows(db, { hasScanner: scanner !== undefined })
  const jobs = await countJobs(db)
  const last = await findLastVerification(db)
  const work = await lookOverWork(db, plan)
  const backup = await findLastBackup(db)

  show(rows.openUploads, metrics.openUploads, metrics.openUploadsOldest)
  show(rows.fallback, metrics.fallbackFiles, metrics.fallbackOldest)
  show(rows.openMoves, metrics.movesOpen, metrics.movesOldest)
  show(rows.dueRemovals, metrics.removalsDue, metrics.removalsOldest)
  metrics.quarantinedFiles.set(rows.quarantined.count)
  metrics.eventsWithoutMonth.set(rows.eventsWithoutMonth.count)
  metrics.eventMonthsAhead.set(rows.eventMonthsAhead.count)
  const { unfollowed, notAdopted } = rows
  const count = unfollowed.count + notAdopted.count
  const oldestSeconds = Math.max(unfollowed.oldestSeconds, notAdopted.oldestSeconds)
  show({ count, oldestSeconds }, metrics.platformRowsWaiting, metrics.platformRowsOldest)
  metrics.unhashedDocuments.set(rows.unhashed.count)
  show(rows.scansWaiting, metrics.scansWaiting, metrics.scansWaitingOldest)
  metrics.infectedVersions.set(rows.infected.count)
  show(rows.inTrash, metrics.trashDocuments, metrics.trashOldest)
  metrics.holds.set({ on: 'firm' }, rows.heldFirms.count)
  metrics.holds.set({ on: 'document' }, rows.heldDocuments.count)

  showJobs(metrics, jobs)
  showVerification(metrics, last)
  showWork(metrics, work)
  showBackup(metrics, backup)
}

/** For a database that does not answer. */
export function forgetRows(metrics: Metrics): void {
  const levels = [
    metrics.openUploads,
    metrics.openUploadsOldest,
    metrics.fallbackFiles,
    metrics.fallbackOldest,
    metrics.movesOpen,
    metrics.movesOldest,
    metrics.removalsDue,
    metrics.removalsOldest,
    metrics.quarantinedFiles,
    metrics.eventsWithoutMonth,
    metrics.eventMonthsAhead,
    metrics.platformRowsWaiting,
    metrics.platformRowsOldest,
    metrics.unhashedDocuments,
    metrics.scansWaiting,
    metrics.scansWaitingOldest,
    metrics.infectedVersions,
    metrics.trashDocuments,
    metrics.trashOldest,
  ]
  for (const level of levels) level.remove()
  metrics.holds.reset()
  metrics.jobs.reset()
  metrics.jobsOldest.reset()
  showVerification(metrics, undefined)
  showWork(metrics, [])
  showBackup(metrics, undefined)
}

function show({ count, oldestSeconds }: Waiting, counted: Gauge, oldest: Gauge): void {
  counted.set(count)
  oldest.set(oldestSeconds)
}

function showJobs(metrics: Metrics, queued: QueuedJobs[]): void {
  metrics.jobs.reset()
  for (const { queue, state, count } of queued) metrics.jobs.set({ queue, state }, count)

  metrics.jobsOldest.reset()
  for (const [queue, states] of Map.groupBy(queued, (each) => each.queue))
    metrics.jobsOldest.set({ queue }, Math.max(...states.map(({ oldestSeconds }) => oldestSeconds)))
}

function showVerification(metrics: Metrics, last: LastVerification | undefined): void {
  metrics.verifyFindings.reset()
  if (last === undefined) {
    for (const level of [metrics.verifiedAt, metrics.verifyComplete, metrics.verifyFiles]) level.remove()
    return
  }
  metrics.verifiedAt.set(last.finishedAt.getTime() / 1000)
  metrics.verifyComplete.set(last.isComplete ? 1 : 0)
  metrics.verifyFiles.set(last.files)
  for (const [kind, count] of Object.entries(last.findings)) metrics.verifyFindings.set({ kind }, count)
}

function showBackup(metrics: Metrics, last: LastBackup | undefined): void {
  if (last === undefined) {
    metrics.backedUpAt.remove()
    metrics.backupWhole.remove()
    return
  }
  metrics.backedUpAt.set(last.endedAt.getTime() / 1000)
  metrics.backupWhole.set(last.outcome === 'whole' ? 1 : 0)
}
