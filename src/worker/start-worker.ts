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
  /** Takes no more jobs, lets the running ones finish, and gives its connections back. */
  close(): Promise<void>
}

/** For the polls, and for the ends and heartbeats of jobs. */
const maxConnections = 2
const defaultPollSeconds = 15
const defaultMaxSeconds = 15 * 60
/** A job whose worker is not heard of for so long is run again by another. */
const deadAfterSeconds = 30
const secondsToFinish = 30
/** Workers that start together ask for one run between them. */
const startsTogetherSeconds = 5 * 60

/**
 * Takes jobs from the queue in the database until it is closed. Any number of workers may do so: of one job's runs one
 * is under way at a time, and one that died is run again by another.
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

/** A server that says nothing any more must not stop the one loop that asks for jobs. */
const defaultMaxSilenceMs = 35_000

type Times = { pollSeconds: number; maxSilenceMs: number }

function openQueue({ databaseConnection, log }: WorkerNeeds, { pollSeconds, maxSilenceMs }: Times): PgBoss {
  // The library hands these on, and does not know them.
  const forDriver = { query_timeout: maxSilenceMs, keepAlive: true, keepAliveInitialDelayMillis: 10_000 }
  const queue = new PgBoss({
    ...queueAddress(databaseConnection),
    application_name: 'paniq-documents-jobs',
    max: maxConnections,
    ...forDriver,
    // The migrations do these, as the owner of the tables.
    migrate: false,
    createSchema: false,
    reindex: false,
    registerInstance: false,
    cronWorkerIntervalSeconds: pollSeconds,
    // No job waits for another one, and nobody but us makes queues.
    flowIntervalSeconds: 3600,
    queueCacheIntervalSeconds: 3600,
  })
  queue.on('error', (error) => log.warn({ event: 'job_queue_error', err: error }, 'the queue of jobs met an error'))
  queue.on('warning', ({ message }) => log.warn({ event: 'job_queue_warning' }, message))
  return queue
}

async function plan(queue: PgBoss, { db }: JobNeeds, job: Job): Promise<void> {
  const expireInSeconds = job.maxSeconds ?? defaultMaxSeconds
  await scheduleJob(queue, job.name, job.schedule, expireInSeconds)
  await registerTask(db, job.name)
  // The queue makes up for nothing that was due while no worker ran.
  if (job.isDueAtStart !== false || (await isMissed(db, job)))
    await enqueueJob(queue, job.name, { singletonSeconds: startsTogetherSeconds, expireInSeconds })
}

/** More than there are kinds of jobs. */
const maxJobsAtOnce = 50

type TakeJobsOptions = {
  log: Pick<Logger, 'warn'>
  pollSeconds: number
  /** Half of the time after which the queue gives a silent job to another instance, or less. */
  heartbeatSeconds?: number
  /** Never throws. Its signal aborts at the end of the worker, and when the job has another owner or no time left. */
  run: (queued: QueuedJob<unknown>, signal: AbortSignal) => Promise<JobEnd>
}

/**
 * Asks the queue for jobs and runs all that it gets side by side, so that a slow job delays no other: the library's own
 * `work` waits for the whole batch before it asks again. `end` aborts the running jobs and waits for them.
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
      // At the end of the worker another instance gets what was claimed here and not begun.
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
    // Given the job instead of its id, the queue ignores an attempt that it has given to another instance.
    await unlessFailing<unknown>(() => {
      if (isOk) return queue.complete(jobQueue, queued, output)
      return ending.signal.aborted ? returnJob(queue, queued) : queue.fail(jobQueue, queued, output)
    })
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
