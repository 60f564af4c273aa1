import { randomUUID } from 'node:crypto'

import type { Job as QueuedJob } from 'pg-boss'

import type { RunOf } from '../database/work/job-runs.ts'
import { type Tracing, traceJob, withLogContext } from '../logging/spans.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { Interrupted, type RecordNeeds, recordRun } from '../operations/record-job-run.ts'
import type { StoreId } from '../vocabulary/vocabulary.ts'
import type { Job, JobNeeds } from './jobs.ts'
import { originOf } from '../database/work/job-queue.ts'

type Needs = RecordNeeds & { metrics: Pick<Metrics, 'jobSeconds'>; tracing: Tracing | undefined }

type Task = {
  name: string
  disk: StoreId
  everyMs: number
  /** Returns what it did, for the log. Log lines carry `taskId`. */
  run: (taskId: string) => Promise<Record<string, number>>
}

export type Repeated = {
  /** Starts a run now, or after the current one. */
  runNow: () => void
  /** Waits for the current run. */
  end: () => Promise<void>
}

/** Runs a task now and then periodically, one run at a time. A failed run is logged. */
export function repeat(needs: Needs, task: Task): Repeated {
  const ending = new AbortController()
  let ring = Promise.withResolvers<void>()

  async function loop(): Promise<void> {
    while (!ending.signal.aborted) {
      ring = Promise.withResolvers()
      await runTask(needs, task)
      // A process that has nothing else to do may end.
      const timer = setTimeout(ring.resolve, task.everyMs).unref()
      await ring.promise
      clearTimeout(timer)
    }
  }

  const looping = loop()
  const runNow = () => ring.resolve()
  return {
    runNow,
    async end() {
      ending.abort()
      runNow()
      await looping
    },
  }
}

async function runTask(needs: Needs, { name, disk, run }: Task): Promise<void> {
  const taskId = randomUUID()
  await withLogContext({ job_id: taskId }, () =>
    runLogged(needs, { kind: 'task', run: { task: name, disk }, facts: { job_id: taskId } }, () => run(taskId)),
  )
}

/** The result that is reported to the queue. */
export type JobEnd = { isOk: boolean; output: Record<string, unknown> }

/**
 * Runs one job of the queue. Never throws. The queue retries a job that stopped before its end, and a kind that only a
 * newer instance knows.
 */
export async function runJob(needs: JobNeeds, job: Job | undefined, queued: QueuedJob<unknown>): Promise<JobEnd> {
  const { job: name, requestId, traceparent } = originOf(queued.data)
  if (job === undefined) {
    needs.log.warn({ event: 'job_unknown', job: name, job_id: queued.id }, 'job of an unknown kind')
    return { isOk: false, output: { message: 'This instance does not know this kind of job.' } }
  }
  const whose = { job_id: queued.id, ...(requestId === undefined ? {} : { request_id: requestId }) }
  const about = { attempt: queued.retryCount + 1 }
  const work: Work = { kind: 'job', run: { task: job.name }, about, traceparent, facts: { ...whose, ...about } }
  const output = await withLogContext(whose, () => {
    needs.log.debug({ event: 'job_started', job: job.name, ...about })
    return runLogged(needs, work, () => runToEnd(needs, job, queued.signal))
  })
  // The queue stores its output where others may read it; the log has the error.
  return output === undefined
    ? { isOk: false, output: { message: 'The job did not finish; the log has the reason.' } }
    : { isOk: true, output }
}

/** Throws `Interrupted` if the signal aborted: a job then returns early or throws the signal's reason. */
async function runToEnd(needs: JobNeeds, job: Job, signal: AbortSignal): Promise<Record<string, unknown>> {
  const did = await job.run(needs, signal).catch((error: unknown) => {
    if (signal.aborted && error === signal.reason) return {}
    throw error
  })
  if (signal.aborted) throw new Interrupted('The job was stopped before its end.', { cause: signal.reason })
  return did
}

type Work = {
  kind: 'job' | 'task'
  run: RunOf
  /** Further fields of its log lines. */
  about?: Record<string, unknown>
  traceparent?: string | undefined
  facts: Record<string, string | number>
}

/** Alerts and the runbook use these names of log events. */
const events = {
  job: { finished: 'job_finished', failed: 'job_failed' },
  task: { finished: 'task_finished', failed: 'task_failed' },
}

/** Records, traces, measures and logs one run. Undefined if it failed or was interrupted. */
async function runLogged<Did extends Record<string, unknown>>(
  needs: Needs,
  { kind, run, about, traceparent, facts }: Work,
  work: () => Promise<Did>,
): Promise<Did | undefined> {
  const { log, metrics, tracing } = needs
  const startedAt = performance.now()
  const finish = (outcome: 'ok' | 'failed' | 'broken_off') => {
    const ms = performance.now() - startedAt
    metrics.jobSeconds.observe({ task: run.task, outcome }, ms / 1000)
    return { [kind]: run.task, ...about, duration_ms: Math.round(ms) }
  }
  try {
    const span = { name: `${kind} ${run.task}`, traceparent, facts }
    const did = await recordRun(needs, run, () => traceJob(tracing, span, work))
    const line = { event: events[kind].finished, ...finish('ok'), ...did }
    // Most runs find nothing to do.
    if (Object.values(did).some((count) => typeof count === 'number' && count > 0)) log.info(line)
    else log.debug(line)
    return did
  } catch (error) {
    if (error instanceof Interrupted)
      log.info(
        { event: 'job_broken_off', ...finish('broken_off'), err: error },
        'job stopped before its end, runs again',
      )
    else log.error({ event: events[kind].failed, ...finish('failed'), err: error })
    return undefined
  }
}
