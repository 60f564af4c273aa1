import type { PoolConfig } from 'pg'
import { type ConstructorOptions, PgBoss } from 'pg-boss'

/** The schema that the queue of jobs keeps its tables in, apart from the platform's and ours. */
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
