import { fromKysely, type PgBoss, type SendOptions } from 'pg-boss'

import { logContext } from '../logger-context.ts'
import type { Tx } from './client.ts'

type Wish = {
  /** The change that makes it necessary: the job comes about together with it or not at all. */
  trx?: Tx
  /** Who asks within this time for the same asks for one. */
  singletonSeconds?: number
}

/** Asks for a job. It keeps which request it is done for, so that its log says so whenever it runs, and at every attempt. */
export async function enqueueJob(queue: PgBoss, name: string, { trx, ...options }: Wish = {}): Promise<void> {
  const { request_id: requestId } = logContext()
  const sending: SendOptions = trx === undefined ? options : { ...options, db: fromKysely(trx) }
  await queue.send(name, requestId === undefined ? {} : { request_id: requestId }, sending)
}

/** Which request a job is done for, as `enqueueJob` kept it; undefined for what nobody asked for, such as the daily ones. */
export function requestIdOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('request_id' in data)) return undefined
  return typeof data.request_id === 'string' ? data.request_id : undefined
}
