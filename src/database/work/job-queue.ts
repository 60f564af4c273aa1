import type { PoolConfig } from 'pg'
import { type ConstructorOptions, fromKysely, type Job, PgBoss, type SendOptions } from 'pg-boss'

import { currentSpan, logContext } from '../../logging/spans.ts'
import type { Tx } from '../connection/client.ts'

/** The schema of the job queue's own tables. */
export const jobSchema = 'document_jobs'

/**
 * Brings the queue's tables up to what its library needs, as their owner, so that the service's role need not make or
 * change any. Several instances may do so at once; a second run changes nothing.
 */
export async function migrateJobs(owner: PoolConfig): Promise<void> {
  const queue = new PgBoss({
    ...queueAddress(owner),
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  // Its failures reach us through `start`; unheard, the same would end the process.
  queue.on('error', () => undefined)
  await queue.start()
  await queue.stop()
}

/** The same database for the queue's library: which tables, and where. */
export function queueAddress(connection: PoolConfig): ConstructorOptions {
  // The library hands these on to the same driver; it only types fewer of them.
  return { ...(connection as ConstructorOptions), schema: jobSchema }
}

/** The one queue of all kinds of jobs: an instance that has nothing to do polls one. */
export const jobQueue = 'maintenance'

type EnqueueOptions = {
  /** The change that makes it necessary: the job comes about together with it or not at all. */
  trx?: Tx
  /** Who asks within this time for the same asks for one. */
  singletonSeconds?: number
  /** How long it may take, unless the queue's default is enough. */
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

/** Sends a job again and again, by a cron line in UTC. */
export async function scheduleJob(queue: PgBoss, name: string, cron: string, expireInSeconds: number): Promise<void> {
  await queue.schedule(jobQueue, cron, { job: name }, { tz: 'UTC', key: name, expireInSeconds, ...singletonOf(name) })
}

/**
 * Makes a job wait again as before this attempt, unless another instance has it by now. A shutdown is no failed attempt:
 * several in a row would use up the retries, and the library's own way of failing a job counts each.
 */
export async function returnJob(queue: PgBoss, { id, retryCount }: Pick<Job, 'id' | 'retryCount'>): Promise<void> {
  // The same statement with which the library returns jobs that it fetched in excess.
  await queue.getDb().executeSql(
    `update ${jobSchema}.job set state = 'created', started_on = null, heartbeat_on = null
     where name = $1 and id = $2 and state = 'active' and retry_count = $3`,
    [jobQueue, id, retryCount],
  )
}

/** In an `exclusive` queue one job of a kind waits or runs at a time, over all instances. */
function singletonOf(name: string) {
  return { singletonKey: name }
}

type JobOrigin = { job: string | undefined; requestId: string | undefined; traceparent: string | undefined }

/** Which kind a job is and whose work, as `enqueueJob` kept it; without the latter two for scheduled ones. */
export function originOf(data: unknown): JobOrigin {
  const { job, request_id: requestId, traceparent } = (data ?? {}) as Record<string, unknown> // whatever it is, it has these or not
  return { job: textOf(job), requestId: textOf(requestId), traceparent: textOf(traceparent) }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
