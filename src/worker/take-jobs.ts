import { setTimeout as wait } from 'node:timers/promises'

import type { Job as QueuedJob, PgBoss } from 'pg-boss'
import type { Logger } from 'pino'

import { jobQueue } from '../database/enqueue-job.ts'

/** More than there are kinds of jobs. */
const maxJobsAtOnce = 50

export type JobEnd = { isOk: boolean; output: Record<string, unknown> }

export type Taking = {
  log: Pick<Logger, 'warn'>
  pollSeconds: number
  /** Half of the time after which the queue gives a silent job to another instance, or less. */
  heartbeatSeconds: number
  /** Never throws. Its signal aborts at the end of the worker, and when the job has another owner or no time left. */
  run(queued: QueuedJob<unknown>, signal: AbortSignal): Promise<JobEnd>
}

/**
 * Asks the queue for jobs and runs all that it gets side by side, so that a slow job delays no other: the library's own
 * `work` waits for the whole batch before it asks again. `end` aborts the running jobs and waits for them.
 */
export function takeJobs(queue: PgBoss, taking: Taking): { end(): Promise<void> } {
  const { log, pollSeconds, heartbeatSeconds } = taking
  const ending = new AbortController()
  const running = new Set<Promise<void>>()

  async function poll(): Promise<void> {
    while (!ending.signal.aborted) {
      for (const queued of await fetchJobs()) {
        const run = runOne(queued).finally(() => running.delete(run))
        running.add(run)
      }
      await wait(pollSeconds * 1000, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  }

  async function fetchJobs(): Promise<QueuedJob<unknown>[]> {
    return (await unlessFailing(() => queue.fetch(jobQueue, { batchSize: maxJobsAtOnce }))) ?? []
  }

  async function runOne(queued: QueuedJob<unknown>): Promise<void> {
    const lost = new AbortController()
    const heartbeat = setInterval(() => void touch(queued, lost), heartbeatSeconds * 1000)
    const { isOk, output } = await taking.run(queued, AbortSignal.any([ending.signal, lost.signal]))
    clearInterval(heartbeat)
    // Given the job instead of its id, the queue ignores an attempt that it has given to another instance.
    await unlessFailing(() => (isOk ? queue.complete(jobQueue, queued, output) : queue.fail(jobQueue, queued, output)))
  }

  async function touch(queued: QueuedJob<unknown>, lost: AbortController): Promise<void> {
    // The library answers with more than its type says.
    const touched = await unlessFailing<{ affected?: number }>(() => queue.touch(jobQueue, queued))
    if (touched?.affected === 0)
      lost.abort(new Error('The queue gave this job to another instance, or its time is over.'))
  }

  /** A queue that does not answer is asked again later; a job whose end it did not hear of runs again. */
  async function unlessFailing<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await ask()
    } catch (error) {
      log.warn({ event: 'job_queue_error', err: error }, 'job queue failed')
      return undefined
    }
  }

  const polling = poll()
  return {
    async end() {
      ending.abort(new Error('The worker is ending.'))
      await polling
      await Promise.all(running)
    },
  }
}
