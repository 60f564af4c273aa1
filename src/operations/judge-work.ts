import { CronExpressionParser } from 'cron-parser'

import { type Db, readClock } from '../database/connection/client.ts'
import { listRuns, type RunRecord } from '../database/work/job-runs.ts'
import type { StoreId } from '../vocabulary/vocabulary.ts'
import { findMigrationState } from '../database/schema/migrate-schema.ts'

/** A disk without a run for this long has no process any more: its most frequent task runs every 20 seconds. */
const activeDiskMs = 15 * 60_000

/** The planned work in its order, with its last run on any instance; work for disks once per disk. */
export async function readWorkStates(db: Db, plan: readonly PlannedWork[]): Promise<WorkState[]> {
  // One after the other: a status request takes one connection, not several.
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
      const isActive = ofDisk.some((each) => lastHeard(each) > now.getTime() - activeDiskMs)
      return judgeTask(work, run, { now, isActive })
    })
}

function lastHeard({ runningSince, endedAt }: RunRecord): number {
  return Math.max(runningSince?.getTime() ?? 0, endedAt?.getTime() ?? 0)
}

/** Whether a job was due since its last success, or since a worker first knew it. */
export async function isMissed(db: Db, { name, schedule }: { name: string; schedule: string }): Promise<boolean> {
  const run = (await listRuns(db)).find(({ task, disk }) => task === name && disk === null)
  if (run === undefined) return false
  return nextDue(schedule, run.succeededAt ?? run.knownSince) <= (await readClock(db))()
}

/** One kind of work: its plan, its last run, and whether it is overdue. */
export type WorkState = {
  name: string
  description: string
  by: 'one_instance' | 'each_disk' | 'outside'
  /** The disk that it runs for. */
  disk: StoreId | null
  /** As text or as a cron expression in UTC; null without a schedule. */
  schedule: string | null
  /** The start of the run in progress. */
  runningSince: Date | null
  /** Null: it never ran. */
  last: LastRun | null
  succeededAt: Date | null
  nextAt: Date | null
  /** Its disk has no process any more. */
  isGone: boolean
  /** How long a successful run is overdue; 0 while it is in time. */
  overdueSeconds: number
}

export type LastRun = {
  startedAt: Date | null
  endedAt: Date | null
  instance: string | null
  /** `broken_off`: it was stopped, or its process died, before its end. */
  outcome: 'ok' | 'failed' | 'broken_off'
  error: string | null
  did: Record<string, unknown> | null
}

/** The queue checks its schedule twice a minute and retries a failed job three times. */
const graceMs = 15 * 60_000
/** A run for a disk that takes longer counts as hanging. */
const maxRunMs = 6 * 60 * 60_000

export type Times = {
  now: Date
  /** Work without any run is overdue from here on. */
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

/** `isActive`: whether a task ran for this disk lately. A disk without a process is not overdue. */
export function judgeTask(
  { name, description, by, everySeconds }: PlannedTask,
  run: RunRecord,
  { now, isActive }: { now: Date; isActive: boolean },
): WorkState {
  const { disk, succeededAt } = run
  const pauseMs = everySeconds * 1000
  const work = { ...planned, name, description, by, disk, schedule: `every ${everySeconds} s`, succeededAt }
  if (!isActive) return { ...work, last: lastOf(run, false), nextAt: null, isGone: true, overdueSeconds: 0 }
  if (run.runningSince !== null) {
    const overdueSeconds = overdue(after(run.runningSince, maxRunMs - graceMs), now)
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

/** The plan of recurring background work. The database has its runs. */
export type PlannedWork = PlannedJob | PlannedTask | OutsideWork

type NamedWork = {
  name: string
  /** One sentence for operators. */
  description: string
}

/** Run by one instance at a time, which takes it from the queue. `schedule` is a cron expression in UTC. */
export type PlannedJob = NamedWork & { by: 'one_instance'; schedule: string }

/** Run by each instance for its own disk. */
export type PlannedTask = NamedWork & { by: 'each_disk'; everySeconds: number }

/** Started by an operator, by hand or by cron, and recorded in its own table. */
export type OutsideWork = NamedWork & {
  by: 'outside'
  /** Undefined: it has no schedule and is never overdue. */
  dueEverySeconds?: number
  /** Undefined before the first run. */
  findLast(db: Db): Promise<OutsideRun | undefined>
}

type OutsideRun = {
  startedAt?: Date
  endedAt: Date
  outcome: 'ok' | 'failed'
  error?: string
  did: Record<string, unknown>
}

/** The next time of a cron expression in UTC after a moment. */
function nextDue(cron: string, moment: Date): Date {
  return CronExpressionParser.parse(cron, { currentDate: moment, tz: 'UTC' }).next().toDate()
}
