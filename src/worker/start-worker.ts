import { setTimeout as wait } from 'node:timers/promises'

import type { PoolConfig } from 'pg'
import { PgBoss } from 'pg-boss'

import { enqueueJob, jobQueue, originOf, scheduleJob } from '../database/enqueue-job.ts'
import { queueAddress } from '../database/migrate-jobs.ts'
import { noteTask } from '../database/runs.ts'
import { isMissed } from '../operations/is-missed.ts'
import { everyJob } from './every-job.ts'
import type { Job, JobNeeds } from './job.ts'
import { runJob } from './run-job.ts'
import { takeJobs } from './take-jobs.ts'

export type WorkerNeeds = JobNeeds & { databaseConnection: PoolConfig }

export type Worker = {
  /** Takes no more jobs, lets the running ones finish, and gives its connections back. */
  close(): Promise<void>
}

/** For the polls, and for the ends and heartbeats of jobs. */
const maxConnections = 2
const usualPollSeconds = 15
const usualMostSeconds = 15 * 60
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
  { pollSeconds = usualPollSeconds } = {},
): Promise<Worker> {
  const queue = openQueue(needs, pollSeconds)
  try {
    await queue.start()
    await makeQueue(queue)
    for (const job of jobs) await plan(queue, needs, job)
  } catch (error) {
    await queue.stop({ graceful: false })
    throw error
  }
  const taking = takeJobs(queue, {
    log: needs.log,
    pollSeconds,
    heartbeatSeconds: deadAfterSeconds / 2,
    run: (queued, signal) =>
      runJob(
        needs,
        jobs.find(({ name }) => name === originOf(queued.data).job),
        { ...queued, signal },
      ),
  })
  return {
    async close() {
      await Promise.race([taking.end(), wait(secondsToFinish * 1000, undefined, { ref: false })])
      await queue.stop({ graceful: true, timeout: secondsToFinish * 1000 })
    },
  }
}

function openQueue({ databaseConnection, log }: WorkerNeeds, pollSeconds: number): PgBoss {
  const queue = new PgBoss({
    ...queueAddress(databaseConnection),
    application_name: 'paniq-documents-jobs',
    max: maxConnections,
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

async function makeQueue(queue: PgBoss): Promise<void> {
  await queue.createQueue(jobQueue, {
    policy: 'exclusive',
    expireInSeconds: usualMostSeconds,
    heartbeatSeconds: deadAfterSeconds,
    retryLimit: 3,
    retryDelay: 30,
    retryBackoff: true,
  })
}

async function plan(queue: PgBoss, { db }: JobNeeds, job: Job): Promise<void> {
  const expireInSeconds = job.mostSeconds ?? usualMostSeconds
  await scheduleJob(queue, job.name, job.schedule, expireInSeconds)
  await noteTask(db, job.name)
  // The queue makes up for nothing that was due while no worker ran.
  if (job.isDueAtStart !== false || (await isMissed(db, job)))
    await enqueueJob(queue, job.name, { singletonSeconds: startsTogetherSeconds, expireInSeconds })
}
