import { fromKysely, type PgBoss, type SendOptions } from 'pg-boss'

import { currentSpan, logContext } from '../logger-context.ts'
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
  const traceparent = currentSpan()?.traceparent
  const sending: SendOptions = trx === undefined ? options : { ...options, db: fromKysely(trx) }
  const data = { ...(requestId && { request_id: requestId }), ...(traceparent && { traceparent }) }
  await queue.send(name, data, sending)
}

/** Whose work a job is, as `enqueueJob` kept it; without either for what nobody asked for, such as the daily ones. */
export function originOf(data: unknown): { requestId: string | undefined; traceparent: string | undefined } {
  const { request_id: requestId, traceparent } = (data ?? {}) as Record<string, unknown> // whatever it is, it has these or not
  return {
    requestId: typeof requestId === 'string' ? requestId : undefined,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  }
}
