import { findLastBackup } from '../database/backup/running-backups.ts'
import { findLastFullVerification } from '../database/documents/verifications.ts'
import type { OutsideWork, PlannedTask, PlannedWork } from '../operations/judge-work.ts'
import { everyJob } from './jobs.ts'
import { defaultTimes } from './local-disk-tasks.ts'

// What the status reports on. `run-queue.ts` and `database/work/job-queue.ts` see to one run at a time.

/** Started by an operator, by hand or by cron. Each has its own record. */
const outsideWork: OutsideWork[] = [
  {
    name: 'verify',
    description: 'Reads every document and compares rows and files: the command verify, without --sample.',
    by: 'outside',
    async findLast(db) {
      const last = await findLastFullVerification(db)
      if (last === undefined) return undefined
      const { finishedAt: endedAt, files, findings } = last
      const did = { files, ...findings }
      if (last.isComplete) return { endedAt, outcome: 'ok', did }
      return { endedAt, outcome: 'failed', error: 'It ended before it had checked everything.', did }
    },
  },
  {
    name: 'backup',
    description: 'Copies everything at one point in time: the command backup create.',
    by: 'outside',
    async findLast(db) {
      const last = await findLastBackup(db)
      if (last === undefined) return undefined
      const { endedAt } = last
      if (last.outcome === 'whole') return { endedAt, outcome: 'ok', did: {} }
      const error = 'It lacks files that could not be read; its report names them.'
      return { endedAt, outcome: 'failed', error, did: {} }
    },
  },
]

/** All background work of this service, on every process. */
export const plan: readonly PlannedWork[] = [
  ...everyJob.map(({ name, description, schedule }) => ({ name, description, by: 'one_instance' as const, schedule })),
  onEachDisk('drain', defaultTimes.drainEveryMs, 'Moves files to S3 that were stored on this disk while S3 was away.'),
  onEachDisk('collect', defaultTimes.collectEveryMs, 'Removes files without a document, a day later.'),
  onEachDisk('hash', defaultTimes.hashEveryMs, 'Reads the platform’s documents on this disk that have no hash yet.'),
  onEachDisk(
    'scan',
    defaultTimes.scanEveryMs,
    'Scans pending documents on this disk, and clean ones again when they are due.',
  ),
  onEachDisk(
    'finish-uploads',
    defaultTimes.finishEveryMs,
    'Finishes resumable uploads whose bytes are all there and whose client did not come back.',
  ),
  ...outsideWork,
]

function onEachDisk(name: string, everyMs: number, description: string): PlannedTask {
  return { name, description, by: 'each_disk', everySeconds: everyMs / 1000 }
}
