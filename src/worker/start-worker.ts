import type { PoolConfig } from 'pg'
import { PgBoss } from 'pg-boss'

import { enqueueJob } from '../database/enqueue-job.ts'
import { queueAddress } from '../database/migrate-jobs.ts'
import { noteTask } from '../database/runs.ts'
import { isMissed } from '../operations/is-missed.ts'
import { everyJob } from './every-job.ts'
import type { Job, JobNeeds } from './job.ts'
import { runJob } from './run-job.ts'

export type WorkerNeeds = JobNeeds & { databaseConnection: PoolConfig }

export type Worker = {
  /** Takes no more jobs, lets the running ones finish, and gives its connections back. */
  close(): Promise<void>
}

const mostConnections = 4
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
export async function startWorker(needs: WorkerNeeds, jobs: Job[] = everyJob): Promise<Worker> {
  const queue = openQueue(needs)
  const ending = new AbortController()
  const close = () => {
    ending.abort(new Error('The worker is ending.'))
    return queue.stop({ graceful: true, timeout: secondsToFinish * 1000 })
  }
  try {
    await queue.start()
    for (const job of jobs) await takeUp(queue, needs, job, ending.signal)
    return { close }
  } catch (error) {
    await close()
    throw error
  }
}

function openQueue({ databaseConnection, log }: WorkerNeeds): PgBoss {
  const queue = new PgBoss({
    ...queueAddress(databaseConnection),
    application_name: 'paniq-documents-jobs',
    max: mostConnections,
    // The migrations do these, as the owner of the tables.
    migrate: false,
    createSchema: false,
    reindex: false,
    registerInstance: false,
  })
  queue.on('error', (error) => log.warn({ event: 'job_queue_error', err: error }, 'the queue of jobs met an error'))
  queue.on('warning', ({ message }) => log.warn({ event: 'job_queue_warning' }, message))
  return queue
}

async function takeUp(queue: PgBoss, needs: JobNeeds, job: Job, ending: AbortSignal): Promise<void> {
  // One of a kind waits or runs at a time, over all workers.
  await queue.createQueue(job.name, {
    policy: 'exclusive',
    expireInSeconds: job.mostSeconds ?? usualMostSeconds,
    heartbeatSeconds: deadAfterSeconds,
    retryLimit: 3,
    retryDelay: 30,
    retryBackoff: true,
  })
  await queue.schedule(job.name, job.schedule, {}, { tz: 'UTC' })
  await noteTask(needs.db, job.name)
  // The queue makes up for nothing that was due while no worker ran.
  if (job.isDueAtStart !== false || (await isMissed(needs.db, job)))
    await enqueueJob(queue, job.name, { singletonSeconds: startsTogetherSeconds })
  await queue.work(job.name, { batchSize: 10, burstWhenBatchFull: true, perJobResults: true }, async (queued) =>
    Promise.all(queued.map((each) => runJob(needs, job, { ...each, signal: AbortSignal.any([each.signal, ending]) }))),
  )
}
