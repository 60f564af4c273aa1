import { setTimeout as wait } from 'node:timers/promises'

import type { PoolConfig } from 'pg'
import { type Job as QueuedJob, PgBoss } from 'pg-boss'
import type { Logger } from 'pino'

import { registerTask } from '../database/work/job-runs.ts'
import { isMissed } from '../operations/judge-work.ts'
import { everyJob, type Job, type JobNeeds } from './jobs.ts'
import { type JobEnd, runJob } from './run-job.ts'
import { enqueueJob, jobQueue, originOf, queueAddress, returnJob, scheduleJob } from '../database/work/job-queue.ts'

type WorkerNeeds = JobNeeds & { databaseConnection: PoolConfig }

export type Worker = {
  /** Takes no more jobs, waits for the running ones, and closes its connections. */
  close(): Promise<void>
}

/** For polls, results and heartbeats. */
const maxConnections = 2
const defaultPollSeconds = 15
const defaultMaxSeconds = 15 * 60
/** After this time without a heartbeat, another worker runs the job again. */
const deadAfterSeconds = 30
const secondsToFinish = 30
/** Workers that start within this time request one run together. */
const startsTogetherSeconds = 5 * 60

/**
 * Takes jobs from the queue in the database until it is closed. With any number of workers, a job has one run at a time. If
 * a worker dies, another runs its jobs again after `deadAfterSeconds`.
 */
export async function startWorker(
  needs: WorkerNeeds,
  jobs: Job[] = everyJob,
  { pollSeconds = defaultPollSeconds, maxSilenceMs = defaultMaxSilenceMs } = {},
): Promise<Worker> {
  const queue = openQueue(needs, { pollSeconds, maxSilenceMs })
  try {
    await queue.start()
    await queue.createQueue(jobQueue, {
      policy: 'exclusive',
      expireInSeconds: defaultMaxSeconds,
      heartbeatSeconds: deadAfterSeconds,
      retryLimit: 3,
      retryDelay: 30,
      retryBackoff: true,
    })
    for (const job of jobs) await plan(queue, needs, job)
  } catch (error) {
    await queue.stop({ graceful: false })
    throw error
  }
  const taking = takeJobs(queue, {
    log: needs.log,
    pollSeconds,
    run(queued, signal) {
      const job = jobs.find(({ name }) => name === originOf(queued.data).job)
      return runJob(needs, job, { ...queued, signal })
    },
  })
  return {
    async close() {
      await Promise.race([taking.end(), wait(secondsToFinish * 1000, undefined, { ref: false })])
      await queue.stop({ graceful: true, timeout: secondsToFinish * 1000 })
    },
  }
}

/** A silent server must not block the only loop that fetches jobs. */
const defaultMaxSilenceMs = 35_000

type Times = { pollSeconds: number; maxSilenceMs: number }

function openQueue({ databaseConnection, log }: WorkerNeeds, { pollSeconds, maxSilenceMs }: Times): PgBoss {
  // The library passes these to the driver without typing them.
  const forDriver = { query_timeout: maxSilenceMs, keepAlive: true, keepAliveInitialDelayMillis: 10_000 }
  const queue = new PgBoss({
    ...queueAddress(databaseConnection),
    application_name: 'paniq-documents-jobs',
    max: maxConnections,
    ...forDriver,
    // The migrations do these as the owner of the tables.
    migrate: false,
    createSchema: false,
    reindex: false,
    registerInstance: false,
    cronWorkerIntervalSeconds: pollSeconds,
    // No job depends on another, and nobody else creates queues.
    flowIntervalSeconds: 3600,
    queueCacheIntervalSeconds: 3600,
  })
  queue.on('error', (error) => log.warn({ event: 'job_queue_error', err: error }, 'job queue failed'))
  queue.on('warning', ({ message }) => log.warn({ event: 'job_queue_warning' }, message))
  return queue
}

async function plan(queue: PgBoss, { db }: JobNeeds, job: Job): Promise<void> {
  const expireInSeconds = job.maxSeconds ?? defaultMaxSeconds
  await scheduleJob(queue, job.name, job.schedule, expireInSeconds)
  await registerTask(db, job.name)
  // The queue does not catch up on runs that were due while no worker ran.
  if (job.isDueAtStart !== false || (await isMissed(db, job)))
    await enqueueJob(queue, job.name, { singletonSeconds: startsTogetherSeconds, expireInSeconds })
}

/** More than there are kinds of jobs. */
const maxJobsAtOnce = 50

type TakeJobsOptions = {
  log: Pick<Logger, 'warn'>
  pollSeconds: number
  /** At most half of the time after which the queue gives the job to another instance. */
  heartbeatSeconds?: number
  /** Never throws. The signal aborts when the worker closes, and when the job has another owner or no time left. */
  run: (queued: QueuedJob<unknown>, signal: AbortSignal) => Promise<JobEnd>
}

/**
 * Fetches jobs from the queue and runs them concurrently, so that a slow job delays no other: the library's own `work` waits
 * for the whole batch before it fetches again. `end` aborts the running jobs and waits for them.
 */
export function takeJobs(
  queue: PgBoss,
  { log, pollSeconds, heartbeatSeconds = deadAfterSeconds / 2, run }: TakeJobsOptions,
): { end(): Promise<void> } {
  const ending = new AbortController()
  const running = new Set<Promise<void>>()

  async function poll(): Promise<void> {
    while (!ending.signal.aborted) {
      const fetched = await unlessFailing(() => queue.fetch(jobQueue, { batchSize: maxJobsAtOnce }))
      // When the worker closes, another instance gets the claimed jobs that were not started.
      for (const queued of ending.signal.aborted ? [] : (fetched ?? [])) {
        const job = runOne(queued).finally(() => running.delete(job))
        running.add(job)
      }
      await wait(pollSeconds * 1000, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  }

  async function runOne(queued: QueuedJob<unknown>): Promise<void> {
    const lost = new AbortController()
    const heartbeat = setInterval(() => void touch(queued, lost), heartbeatSeconds * 1000)
    const { isOk, output } = await run(queued, AbortSignal.any([ending.signal, lost.signal]))
    clearInterval(heartbeat)
    // With the job instead of its id, the queue ignores the result of an attempt that another instance has taken over.
    await unlessFailing<unknown>(() => {
      if (isOk) return queue.complete(jobQueue, queued, output)
      return ending.signal.aborted ? returnJob(queue, queued) : queue.fail(jobQueue, queued, output)
    })
  }

  async function touch(queued: QueuedJob<unknown>, lost: AbortController): Promise<void> {
    // The answer has more fields than the library's type.
    const touched = await unlessFailing<{ affected?: number }>(() => queue.touch(jobQueue, queued))
    if (touched?.affected === 0)
      lost.abort(new Error('The queue gave this job to another instance, or its time is over.'))
  }

  /** A failed request is tried again later. A job whose result did not reach the queue runs again. */
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
