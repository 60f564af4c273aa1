import type { RunRecord } from '../database/runs.ts'
import type { StoreId } from '../vocabulary.ts'
import { nextDue } from './next-due.ts'
import type { OutsideRun, OutsideWork, PlannedJob, PlannedTask } from './planned-work.ts'

/** What is known of one work: how it is planned, how its last run went, and whether it is late. */
export type WorkState = {
  name: string
  does: string
  by: 'one_instance' | 'each_disk' | 'outside'
  /** The disk that it is done for. */
  disk: StoreId | undefined
  /** In words or as a cron line in UTC; undefined where nobody promised a time. */
  schedule: string | undefined
  /** Since when it is at work; undefined while it is not. */
  runningSince: Date | undefined
  last: LastRun | undefined
  succeededAt: Date | undefined
  nextAt: Date | undefined
  /** Nobody tends its disk any more. */
  isGone: boolean
  /** For how long it should have gone well once more; 0 while it is in time. */
  overdueSeconds: number
}

export type LastRun = {
  startedAt: Date | undefined
  endedAt: Date | undefined
  instance: string | undefined
  /** `broken_off`: its process ended before it did. */
  outcome: 'ok' | 'failed' | 'broken_off'
  error: string | undefined
  did: Record<string, unknown> | undefined
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

export function judgeJob(
  { name, does, by, schedule }: PlannedJob,
  run: RunRecord | undefined,
  times: Times,
): WorkState {
  const isRunning = run?.isHeard === true
  const due = nextDue(schedule, run?.succeededAt ?? run?.knownSince ?? times.tablesSince)
  return {
    name,
    does,
    by,
    disk: undefined,
    schedule,
    runningSince: isRunning ? (run.begunAt ?? undefined) : undefined,
    last: run && lastOf(run, isRunning),
    succeededAt: run?.succeededAt ?? undefined,
    nextAt: nextDue(schedule, times.now),
    isGone: false,
    overdueSeconds: isRunning ? 0 : overdue(due, times.now),
  }
}

/** `isTended`: whether anything was done for this disk lately. Who no longer runs is not late. */
export function judgeTask(
  { name, does, by, everySeconds }: PlannedTask,
  run: RunRecord,
  { now, isTended }: { now: Date; isTended: boolean },
): WorkState {
  const isBegun = run.begunAt !== null && isTended
  const begunAt = isBegun ? (run.begunAt ?? undefined) : undefined
  const due =
    begunAt === undefined
      ? after(run.succeededAt ?? run.knownSince, everySeconds * 1000)
      : after(begunAt, longestMs - graceMs)
  return {
    name,
    does,
    by,
    disk: run.disk,
    schedule: `every ${everySeconds} s`,
    runningSince: begunAt,
    last: lastOf(run, isBegun),
    succeededAt: run.succeededAt ?? undefined,
    nextAt: isTended && !isBegun ? after(run.endedAt ?? now, everySeconds * 1000) : undefined,
    isGone: !isTended,
    overdueSeconds: isTended ? overdue(due, now) : 0,
  }
}

export function judgeOutside(
  { name, does, by, dueEverySeconds }: OutsideWork,
  run: OutsideRun | undefined,
  { now, tablesSince }: Times,
): WorkState {
  const isPromised = dueEverySeconds !== undefined
  const isGood = run?.outcome === 'ok'
  const due = isPromised ? after(isGood ? run.endedAt : tablesSince, dueEverySeconds * 1000) : undefined
  return {
    name,
    does,
    by,
    disk: undefined,
    schedule: isPromised ? `every ${dueEverySeconds} s at the latest` : undefined,
    runningSince: undefined,
    last: run && { startedAt: undefined, instance: undefined, error: undefined, ...run },
    succeededAt: isGood ? run.endedAt : undefined,
    nextAt: due,
    isGone: false,
    overdueSeconds: due === undefined ? 0 : overdue(due, now),
  }
}

function lastOf(run: RunRecord, isRunning: boolean): LastRun | undefined {
  const { begunAt, begunBy, startedAt, endedAt, endedBy, outcome, error, did } = run
  if (begunAt !== null && !isRunning) {
    const instance = begunBy ?? undefined
    return { startedAt: begunAt, endedAt: undefined, instance, outcome: 'broken_off', error: undefined, did: undefined }
  }
  if (outcome === null) return undefined
  return {
    startedAt: startedAt ?? undefined,
    endedAt: endedAt ?? undefined,
    instance: endedBy ?? undefined,
    outcome,
    error: error ?? undefined,
    did: did ?? undefined,
  }
}

function after(moment: Date, ms: number): Date {
  return new Date(moment.getTime() + ms)
}

function overdue(due: Date, now: Date): number {
  const lateMs = now.getTime() - due.getTime()
  return lateMs > graceMs ? Math.round(lateMs / 1000) : 0
}
