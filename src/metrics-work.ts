import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import { fromZero } from './metrics-from-zero.ts'
import { measuredStores } from './metrics-stores.ts'

const workSeconds = [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 21_600]

/** What is done behind people's backs, and what waits for it. */
export function makeWorkMetrics(registers: Registry[]) {
  return {
    ...makeJobs(registers),
    ...makeRuns(registers),
    ...makeMoves(registers),
    ...makeLeftBytes(registers),
    ...makeVerifications(registers),
    ...makeBackups(registers),
    ...makeFollowing(registers),
    ...makeTrash(registers),
  }
}

function makeJobs(registers: Registry[]) {
  return {
    jobs: new Gauge({
      name: 'jobs',
      help: 'Jobs that wait (created, retry), run (active) or failed for good (failed), by queue; each counted up to 10000.',
      labelNames: ['queue', 'state'] as const,
      registers,
    }),
    jobsOldest: new Gauge({
      name: 'jobs_oldest_seconds',
      help: 'For how long the oldest job that could run has waited for somebody to take it, by queue; 0 when none does.',
      labelNames: ['queue'] as const,
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'job_duration_seconds',
      help: 'Time of one attempt at a job of a queue, or of one run of a task that each instance repeats, by how it ended.',
      labelNames: ['task', 'outcome'] as const,
      buckets: workSeconds,
      registers,
    }),
  }
}

/** What the database knows of the last runs, whichever instance they were of. */
function makeRuns(registers: Registry[]) {
  const labelNames = ['task'] as const
  return {
    jobSucceeded: new Gauge({
      name: 'job_last_success_timestamp_seconds',
      help: 'When a job, or a task of an instance for its disk, last went well, on whichever instance; absent before the first time.',
      labelNames,
      registers,
    }),
    jobLastOk: new Gauge({
      name: 'job_last_ok',
      help: '1 when its last run went well, 0 when it failed or was broken off; absent before the first.',
      labelNames,
      registers,
    }),
    jobOverdue: new Gauge({
      name: 'job_overdue_seconds',
      help: 'For how long it should have gone well once more; 0 while it is in time.',
      labelNames,
      registers,
    }),
  }
}

function makeMoves(registers: Registry[]) {
  return {
    movesOpen: new Gauge({
      name: 'moves_open',
      help: 'Moves of files between stores that were begun and did not end, over all instances; counted up to 10000.',
      registers,
    }),
    movesOldest: new Gauge({
      name: 'moves_oldest_seconds',
      help: 'Age of the oldest of them; 0 when there is none.',
      registers,
    }),
    moves: fromZero(
      new Counter({
        name: 'moves_total',
        help: 'Moves of files between stores that this instance made, by how they ended.',
        labelNames: ['to', 'outcome'] as const,
        registers,
      }),
      measuredStores.flatMap((to) => ['moved', 'failed'].map((outcome) => ({ to, outcome }))),
    ),
    movedBytes: fromZero(
      new Counter({
        name: 'moved_bytes_total',
        help: 'Bytes of the files that moved.',
        labelNames: ['to'] as const,
        registers,
      }),
      measuredStores.map((to) => ({ to })),
    ),
    movesTakenOver: new Counter({
      name: 'moves_taken_over_total',
      help: 'Moves that were taken over from a mover that was not heard of any more.',
      registers,
    }),
  }
}

/** Bytes that no version names: on their way in, on their way out, put aside. */
function makeLeftBytes(registers: Registry[]) {
  return {
    openUploads: new Gauge({
      name: 'open_uploads',
      help: 'Uploads under way, and those whose end is not known, over all instances; counted up to 10000.',
      registers,
    }),
    openUploadsOldest: new Gauge({
      name: 'open_uploads_oldest_seconds',
      help: 'Age of the oldest of them; 0 when there is none.',
      registers,
    }),
    removalsDue: new Gauge({
      name: 'removals_due',
      help: 'Files that no document names any more and that may go now, over all instances; counted up to 10000.',
      registers,
    }),
    removalsOldest: new Gauge({
      name: 'removals_oldest_seconds',
      help: 'For how long the oldest of them could have been gone; 0 when there is none.',
      registers,
    }),
    removalsFailed: new Counter({
      name: 'removals_failed_total',
      help: 'Files that this instance could not remove, or of which it could not be told whether they may go; each is tried again.',
      registers,
    }),
    quarantinedFiles: new Gauge({
      name: 'quarantined_files',
      help: 'Files that a repair put aside since no document names them; counted up to 10000.',
      registers,
    }),
  }
}

function makeVerifications(registers: Registry[]) {
  return {
    verifiedAt: new Gauge({
      name: 'verify_last_finished_timestamp_seconds',
      help: 'When a verification last came to its end, whoever ran it; absent before the first.',
      registers,
    }),
    verifyComplete: new Gauge({
      name: 'verify_last_complete',
      help: '1 when that verification looked at all that it should, 0 when it was ended before; absent before the first.',
      registers,
    }),
    verifyFiles: new Gauge({
      name: 'verify_last_files',
      help: 'How many versions of documents that verification looked at; absent before the first.',
      registers,
    }),
    verifyFindings: new Gauge({
      name: 'verify_findings',
      help: 'What the last verification found and did not set right, by kind.',
      labelNames: ['kind'] as const,
      registers,
    }),
  }
}

function makeBackups(registers: Registry[]) {
  return {
    backedUpAt: new Gauge({
      name: 'backup_last_finished_timestamp_seconds',
      help: 'When a backup was last finished, whoever made it; absent before the first.',
      registers,
    }),
    backupWhole: new Gauge({
      name: 'backup_last_whole',
      help: '1 when that backup has every file, or was to have none; 0 when some could not be had; absent before the first.',
      registers,
    }),
  }
}

/** What the platform wrote and nobody here has dealt with yet. */
function makeFollowing(registers: Registry[]) {
  return {
    platformRowsWaiting: new Gauge({
      name: 'platform_rows_waiting',
      help: 'Rows of firm_documents that are no documents here yet, or whose last change is not followed yet; each counted up to 10000.',
      registers,
    }),
    platformRowsOldest: new Gauge({
      name: 'platform_rows_oldest_seconds',
      help: 'For how long the oldest of them has waited; 0 when none does.',
      registers,
    }),
    unhashedDocuments: new Gauge({
      name: 'unhashed_documents',
      help: 'Versions written by the platform that nobody here has read yet, and so have no hash; counted up to 10000.',
      registers,
    }),
  }
}

/** What was deleted, on its way to being destroyed. */
function makeTrash(registers: Registry[]) {
  return {
    trashDocuments: new Gauge({
      name: 'trash_documents',
      help: 'Documents in the trash; counted up to 10000.',
      registers,
    }),
    trashOldest: new Gauge({
      name: 'trash_oldest_seconds',
      help: 'For how long the oldest of them has been there; 0 when there is none.',
      registers,
    }),
    holds: new Gauge({
      name: 'legal_holds',
      help: 'Legal holds on firms and on documents.',
      labelNames: ['on'] as const,
      registers,
    }),
    purgedDocuments: new Counter({
      name: 'purged_documents_total',
      help: 'Documents that this instance destroyed after their time in the trash.',
      registers,
    }),
  }
}
