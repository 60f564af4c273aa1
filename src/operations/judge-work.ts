import { CronExpressionParser } from 'cron-parser'

import { type Db, readClock } from '../database/connection/client.ts'
import { listRuns, type RunRecord } from '../database/work/job-runs.ts'
import type { StoreId } from '../vocabulary/vocabulary.ts'
import { findMigrationState } from '../database/schema/migrate.ts'

/** A disk for which nothing was done for so long has nobody any more; what it does most often it does every 20 seconds. */
const activeDiskMs = 15 * 60_000

/** All that is planned, in its order, with how it last went on whichever instance: what is done for disks once for each. */
export async function readWorkStates(db: Db, plan: readonly PlannedWork[]): Promise<WorkState[]> {
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
      const isTended = ofDisk.some((each) => lastHeard(each) > now.getTime() - activeDiskMs)
      return judgeTask(work, run, { now, isTended })
    })
}

function lastHeard({ runningSince, endedAt }: RunRecord): number {
  return Math.max(runningSince?.getTime() ?? 0, endedAt?.getTime() ?? 0)
}

/** Whether a job was due since it last went well, or since a worker first knew of it. */
export async function isMissed(db: Db, { name, schedule }: { name: string; schedule: string }): Promise<boolean> {
  const run = (await listRuns(db)).find(({ task, disk }) => task === name && disk === null)
  if (run === undefined) return false
  return nextDue(schedule, run.succeededAt ?? run.knownSince) <= (await readClock(db))()
}

/** What is known of one work: how it is planned, how its last run went, and whether it is late. */
export type WorkState = {
  name: string
  description: string
  by: 'one_instance' | 'each_disk' | 'outside'
  /** The disk that it is done for. */
  disk: StoreId | null
  /** In words or as a cron line in UTC; null where nobody promised a time. */
  schedule: string | null
  /** Since when it is at work. */
  runningSince: Date | null
  /** Null: it never ran. */
  last: LastRun | null
  succeededAt: Date | null
  nextAt: Date | null
  /** Nobody tends its disk any more. */
  isGone: boolean
  /** For how long it should have gone well once more; 0 while it is in time. */
  overdueSeconds: number
}

export type LastRun = {
  startedAt: Date | null
  endedAt: Date | null
  instance: string | null
  /** `broken_off`: its process ended, or told it to stop, before it was done. */
  outcome: 'ok' | 'failed' | 'broken_off'
  error: string | null
  did: Record<string, unknown> | null
}

/** The queue looks at its schedule twice a minute, and tries again what failed, three times. */
const graceMs = 15 * 60_000
/** A run for a disk that is not over by then stands still. */
const longestMs = 6 * 60 * 60_000

export type Times = {
  now: Date
  /** What nobody has ever heard of is late from here on. */
  tablesSince: Date
}

const planned = { disk: null, runningSince: null, isGone: false } as const

export function judgeJob(job: PlannedJob, run: RunRecord | undefined, times: Times): WorkState {
  const { name, description, by, schedule } = job
  const work = { ...planned, name, description, by, schedule, nextAt: nextDue(schedule, times.now) }
  if (run === undefined) {
    const overdueSeconds = overdue(nextDue(schedule, times.tablesSince), times.now)
    return { ...work, last: null, succeededAt: null, overdueSeconds }
  }
  const { isAlive, runningSince, succeededAt, knownSince } = run
  const due = nextDue(schedule, succeededAt ?? knownSince)
  return {
    ...work,
    runningSince: isAlive ? runningSince : null,
    last: lastOf(run, isAlive),
    succeededAt,
    overdueSeconds: isAlive ? 0 : overdue(due, times.now),
  }
}

/** `isTended`: whether anything was done for this disk lately. Who no longer runs is not late. */
export function judgeTask(
  { name, description, by, everySeconds }: PlannedTask,
  run: RunRecord,
  { now, isTended }: { now: Date; isTended: boolean },
): WorkState {
  const { disk, succeededAt } = run
  const pauseMs = everySeconds * 1000
  const work = { ...planned, name, description, by, disk, schedule: `every ${everySeconds} s`, succeededAt }
  if (!isTended) return { ...work, last: lastOf(run, false), nextAt: null, isGone: true, overdueSeconds: 0 }
  if (run.runningSince !== null) {
    const overdueSeconds = overdue(after(run.runningSince, longestMs - graceMs), now)
    return { ...work, runningSince: run.runningSince, last: lastOf(run, true), nextAt: null, overdueSeconds }
  }
  return {
    ...work,
    last: lastOf(run, false),
    nextAt: after(run.endedAt ?? now, pauseMs),
    overdueSeconds: overdue(after(succeededAt ?? run.knownSince, pauseMs), now),
  }
}

export function judgeOutside(
  { name, description, by, dueEverySeconds }: OutsideWork,
  run: OutsideRun | undefined,
  { now, tablesSince }: Times,
): WorkState {
  const succeededAt = run?.outcome === 'ok' ? run.endedAt : null
  const last = run === undefined ? null : { startedAt: null, instance: null, error: null, ...run }
  const work = { ...planned, name, description, by, last, succeededAt }
  if (dueEverySeconds === undefined) return { ...work, schedule: null, nextAt: null, overdueSeconds: 0 }
  const due = after(succeededAt ?? tablesSince, dueEverySeconds * 1000)
  const schedule = `every ${dueEverySeconds} s at the latest`
  return { ...work, schedule, nextAt: due, overdueSeconds: overdue(due, now) }
}

function lastOf(run: RunRecord, isRunning: boolean): LastRun | null {
  const { runningSince, runningOn, startedAt, endedAt, endedBy, outcome, error, did } = run
  if (runningSince !== null && !isRunning)
    return {
      startedAt: runningSince,
      endedAt: null,
      instance: runningOn,
      outcome: 'broken_off',
      error: null,
      did: null,
    }
  return outcome === null ? null : { startedAt, endedAt, instance: endedBy, outcome, error, did }
}

function after(moment: Date, ms: number): Date {
  return new Date(moment.getTime() + ms)
}

function overdue(due: Date, now: Date): number {
  const lateMs = now.getTime() - due.getTime()
  return lateMs > graceMs ? Math.round(lateMs / 1000) : 0
}

/** Work that is done again and again behind people's backs, as it is planned. What came of it stands in the database. */
export type PlannedWork = PlannedJob | PlannedTask | OutsideWork

type NamedWork = {
  name: string
  /** What it does, in a sentence for whoever looks after the service. */
  description: string
}

/** Done by whichever instance takes it from the queue, one at a time. `schedule` is a cron line in UTC. */
export type PlannedJob = NamedWork & { by: 'one_instance'; schedule: string }

/** Done by each instance for its own disk. */
export type PlannedTask = NamedWork & { by: 'each_disk'; everySeconds: number }

/** Begun by somebody outside, by hand or by their cron, and recorded in a table of its own. */
export type OutsideWork = NamedWork & {
  by: 'outside'
  /** Unset: nobody promised to do it, and so it is never late. */
  dueEverySeconds?: number
  /** Undefined before the first. */
  findLast(db: Db): Promise<OutsideRun | undefined>
}

export type OutsideRun = {
  startedAt?: Date
  endedAt: Date
  outcome: 'ok' | 'failed'
  error?: string
  did: Record<string, unknown>
}

/** When a cron line in UTC is next due after a moment. */
export function nextDue(cron: string, moment: Date): Date {
  return CronExpressionParser.parse(cron, { currentDate: moment, tz: 'UTC' }).next().toDate()
}
