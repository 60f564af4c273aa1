import { findLastBackup } from '../database/backup/running-backups.ts'
import { findLastFullVerification } from '../database/documents/verifications.ts'
import type { OutsideWork, PlannedTask, PlannedWork } from '../operations/judge-work.ts'
import { everyJob } from './jobs.ts'
import { defaultTimes } from './local-disk-tasks.ts'

/** An operator starts these, by hand or by cron; each leaves its own record. */
const outsideWork: OutsideWork[] = [
  {
    name: 'verify',
    description: 'Reads every document and looks whether rows and bytes agree: the command verify, without --sample.',
    by: 'outside',
    async findLast(db) {
      const last = await findLastFullVerification(db)
      if (last === undefined) return undefined
      const { finishedAt: endedAt, files, findings } = last
      const did = { files, ...findings }
      if (last.isComplete) return { endedAt, outcome: 'ok', did }
      return { endedAt, outcome: 'failed', error: 'It was ended before it had looked at everything.', did }
    },
  },
  {
    name: 'backup',
    description: 'Keeps a second copy of everything at one point in time: the command backup create.',
    by: 'outside',
    async findLast(db) {
      const last = await findLastBackup(db)
      if (last === undefined) return undefined
      const { endedAt } = last
      if (last.outcome === 'whole') return { endedAt, outcome: 'ok', did: {} }
      const error = 'It lacks files that could not be had; its report names them.'
      return { endedAt, outcome: 'failed', error, did: {} }
    },
  },
]

/** All background work of this service, on every process. */
export const plan: readonly PlannedWork[] = [
  ...everyJob.map(({ name, description, schedule }) => ({ name, description, by: 'one_instance' as const, schedule })),
  onEachDisk('drain', defaultTimes.drainEveryMs, 'Moves to S3 what waits on this disk since S3 was away.'),
  onEachDisk('collect', defaultTimes.collectEveryMs, 'Removes files that no document names any more, a day later.'),
  onEachDisk('hash', defaultTimes.hashEveryMs, 'Reads the platform’s documents on this disk that have no hash yet.'),
  onEachDisk(
    'scan',
    defaultTimes.scanEveryMs,
    'Scans documents on this disk that wait for it, or whose turn it is again.',
  ),
  ...outsideWork,
]

function onEachDisk(name: string, everyMs: number, description: string): PlannedTask {
  return { name, description, by: 'each_disk', everySeconds: everyMs / 1000 }
}
