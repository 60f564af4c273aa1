import type { Db } from '../database/client.ts'
import { readClock } from '../database/read-clock.ts'
import { listRuns } from '../database/runs.ts'
import { nextDue } from './next-due.ts'

/** Whether a job was due since it last went well, or since a worker first knew of it. */
export async function isMissed(db: Db, { name, schedule }: { name: string; schedule: string }): Promise<boolean> {
  const run = (await listRuns(db)).find(({ task, disk }) => task === name && disk === null)
  if (run === undefined) return false
  return nextDue(schedule, run.succeededAt ?? run.knownSince) <= (await readClock(db))()
}
