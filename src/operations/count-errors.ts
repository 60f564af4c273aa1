import { setTimeout as wait } from 'node:timers/promises'

import type { Logger } from 'pino'

import type { Db } from '../database/connection/client.ts'
import { addErrors } from '../database/work/hourly-history.ts'
import type { Metrics } from '../metrics/metrics.ts'

type Needs = { db: Db; log: Logger; metrics: Pick<Metrics, 'httpRequests'> }

const everyMs = 60_000
/** A shutdown does not wait longer for a database that does not answer. */
const maxCloseMs = 2000

/**
 * Adds the answers of this instance with a status of 500 or more to the history in the database, every minute and at the
 * end. While the database does not answer, they wait and count in the hour of its return. A process that is killed loses
 * those of its last minute.
 */
export function startErrorCount({ db, log, metrics }: Needs): { close(): Promise<void> } {
  let recorded = 0
  let running: Promise<void> | undefined

  /** One at a time, so that no answer is added twice. */
  function record(): Promise<void> {
    running ??= add().finally(() => (running = undefined))
    return running
  }

  /** A run that is under way misses the newest answers. */
  async function recordLast(): Promise<void> {
    await running
    await record()
  }

  async function add(): Promise<void> {
    try {
      const all = await countServerErrors(metrics)
      if (all > recorded) await addErrors(db, all - recorded)
      recorded = all
    } catch (error) {
      log.warn({ event: 'errors_not_recorded', err: error }, 'errors not recorded in the history, trying again')
    }
  }

  const timer = setInterval(() => void record(), everyMs).unref()
  return {
    async close() {
      clearInterval(timer)
      await Promise.race([recordLast(), wait(maxCloseMs, undefined, { ref: false })])
    },
  }
}

/** Of calls of the API; the probes of load balancers would count an outage every second. */
async function countServerErrors({ httpRequests }: Needs['metrics']): Promise<number> {
  const { values } = await httpRequests.get()
  return values
    .filter(({ metricName, labels }) => metricName?.endsWith('_count') === true && isServerError(labels))
    .reduce((sum, { value }) => sum + value, 0)
}

function isServerError({ route, status_class: status }: Partial<Record<string, string | number>>): boolean {
  return status === '5xx' && String(route).startsWith('/api/')
}
