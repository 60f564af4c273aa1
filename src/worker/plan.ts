import type { PlannedTask, PlannedWork } from '../operations/planned-work.ts'
import { everyJob } from './every-job.ts'
import { outsideWork } from './outside-work.ts'
import { usualTimes } from './tend-disk.ts'

/** What is done behind people's backs by this service, whichever of its processes does it. */
export const plan: readonly PlannedWork[] = [
  ...everyJob.map(({ name, does, schedule }) => ({ name, does, by: 'one_instance' as const, schedule })),
  onEachDisk('drain', usualTimes.drainEveryMs, 'Moves to S3 what waits on this disk since S3 was away.'),
  onEachDisk('collect', usualTimes.collectEveryMs, 'Removes files that no document names any more, a day later.'),
  onEachDisk('hash', usualTimes.hashEveryMs, 'Reads the platform’s documents on this disk that have no hash yet.'),
  onEachDisk(
    'scan',
    usualTimes.scanEveryMs,
    'Scans documents on this disk that wait for it, or whose turn it is again.',
  ),
  ...outsideWork,
]

function onEachDisk(name: string, everyMs: number, does: string): PlannedTask {
  return { name, does, by: 'each_disk', everySeconds: everyMs / 1000 }
}
