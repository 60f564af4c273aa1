import type { Db } from '../database/client.ts'
import { findMigrationState } from '../database/migration-state.ts'
import { readClock } from '../database/read-clock.ts'
import { listRuns, type RunRecord } from '../database/runs.ts'
import {
  judgeJob,
  judgeOutside,
  judgeTask,
  nextDue,
  type PlannedTask,
  type PlannedWork,
  type Times,
  type WorkState,
} from './judge-work.ts'

/** A disk for which nothing was done for so long has nobody any more; what it does most often it does every 20 seconds. */
const tendedMs = 15 * 60_000

/** All that is planned, in its order, with how it last went on whichever instance: what is done for disks once for each. */
export async function lookOverWork(db: Db, plan: readonly PlannedWork[]): Promise<WorkState[]> {
  // One after the other: whoever looks takes one connection from people, not several.
  const runs = await listRuns(db)
  const { since: tablesSince } = await findMigrationState(db)
  const now = (await readClock(db))()
  const states: WorkState[] = []
  for (const work of plan) states.push(...(await judge(db, work, { runs, times: { now, tablesSince } })))
  return states
}

async function judge(
  db: Db,
  work: PlannedWork,
  { runs, times }: { runs: RunRecord[]; times: Times },
): Promise<WorkState[]> {
  switch (work.by) {
    case 'one_instance': {
      const run = runs.find(({ task, disk }) => task === work.name && disk === null)
      return [judgeJob(work, run, times)]
    }
    case 'each_disk':
      return judgeOnDisks(work, runs, times)
    case 'outside':
      return [judgeOutside(work, await work.findLast(db), times)]
  }
}

function judgeOnDisks(work: PlannedTask, runs: RunRecord[], { now }: Times): WorkState[] {
  return runs
    .filter(({ task, disk }) => task === work.name && disk !== null)
    .map((run) => {
      const ofDisk = runs.filter(({ disk }) => disk === run.disk)
      const isTended = ofDisk.some((each) => lastHeard(each) > now.getTime() - tendedMs)
      return judgeTask(work, run, { now, isTended })
    })
}

function lastHeard({ begunAt, endedAt }: RunRecord): number {
  return Math.max(begunAt?.getTime() ?? 0, endedAt?.getTime() ?? 0)
}

/** Whether a job was due since it last went well, or since a worker first knew of it. */
export async function isMissed(db: Db, { name, schedule }: { name: string; schedule: string }): Promise<boolean> {
  const run = (await listRuns(db)).find(({ task, disk }) => task === name && disk === null)
  if (run === undefined) return false
  return nextDue(schedule, run.succeededAt ?? run.knownSince) <= (await readClock(db))()
}
