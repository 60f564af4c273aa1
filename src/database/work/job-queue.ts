import type { PoolConfig } from 'pg'
import { type ConstructorOptions, fromKysely, type Job, PgBoss, type SendOptions } from 'pg-boss'

import { currentSpan, logContext } from '../../logging/spans.ts'
import type { Tx } from '../connection/client.ts'

/** The schema of the job queue's own tables. */
export const jobSchema = 'document_jobs'

/**
 * Creates and updates the queue's tables as their owner, so that the service's role needs no right to do so. Several
 * instances may do this at once; a second run changes nothing.
 */
export async function migrateJobs(owner: PoolConfig): Promise<void> {
  const queue = new PgBoss({
    ...queueAddress(owner),
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  // `start` rejects with the same error. Without a listener, this event would end the process.
  queue.on('error', () => undefined)
  await queue.start()
  await queue.stop()
}

/** The connection and the schema, as options of the queue's library. */
export function queueAddress(connection: PoolConfig): ConstructorOptions {
  // The library passes all options to the same driver, but its types allow fewer.
  return { ...(connection as ConstructorOptions), schema: jobSchema }
}

/** One queue for all jobs, so that an idle instance polls only one. */
export const jobQueue = 'maintenance'

type EnqueueOptions = {
  /** The transaction of the change that needs the job. The job is enqueued when it commits. */
  trx?: Tx
  /** Within this time, further requests for the same job add none. */
  singletonSeconds?: number
  /** The time limit of the job. Default: the queue's. */
  expireInSeconds?: number
}

/** Enqueues a job. The job stores the request id, which every attempt logs. */
export async function enqueueJob(queue: PgBoss, name: string, { trx, ...options }: EnqueueOptions = {}): Promise<void> {
  const { request_id: requestId } = logContext()
  const traceparent = currentSpan()?.traceparent
  const sending: SendOptions = { ...options, ...singletonOf(name), ...(trx !== undefined && { db: fromKysely(trx) }) }
  const data = { job: name, ...(requestId && { request_id: requestId }), ...(traceparent && { traceparent }) }
  await queue.send(jobQueue, data, sending)
}

/** Enqueues a job periodically. `cron`: an expression in UTC. */
export async function scheduleJob(queue: PgBoss, name: string, cron: string, expireInSeconds: number): Promise<void> {
  await queue.schedule(jobQueue, cron, { job: name }, { tz: 'UTC', key: name, expireInSeconds, ...singletonOf(name) })
}

/**
 * Returns a job to the queue as it was before this attempt, unless another instance has it by now. A shutdown must not count
 * as a failed attempt, because several would use up the retries. The library has no other way than to fail the job.
 */
export async function returnJob(queue: PgBoss, { id, retryCount }: Pick<Job, 'id' | 'retryCount'>): Promise<void> {
  // The library uses the same statement for jobs that it fetched in excess.
  await queue.getDb().executeSql(
    `update ${jobSchema}.job set state = 'created', started_on = null, heartbeat_on = null
     where name = $1 and id = $2 and state = 'active' and retry_count = $3`,
    [jobQueue, id, retryCount],
  )
}

/** In an `exclusive` queue only one job with a key waits or runs at a time, over all instances. */
function singletonOf(name: string) {
  return { singletonKey: name }
}

type JobOrigin = { job: string | undefined; requestId: string | undefined; traceparent: string | undefined }

/** The name of a job, and the request and trace that enqueued it; both undefined for a scheduled job. */
export function originOf(data: unknown): JobOrigin {
  const { job, request_id: requestId, traceparent } = (data ?? {}) as Record<string, unknown> // every value is checked below
  return { job: textOf(job), requestId: textOf(requestId), traceparent: textOf(traceparent) }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
