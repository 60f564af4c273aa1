import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { isDeadlock, isLockTimeout, isUnreachable } from '../connection/postgres-errors.ts'

const defaultMonthsAhead = 3
const maxAttempts = 5
const maxPauseMs = 300

/** A month without a partition of its own, and why. Its events go to the default partition. */
type MissingMonth = { month: string; error: unknown }

/**
 * Creates the partitions of this month and the next ones; any role of ours may call it. Nobody who writes an event waits for
 * it. A month that could not be created is returned, not thrown: the caller logs it, and the next run tries again. Throws
 * when the database cannot be reached.
 */
export async function createEventMonths(db: Db, monthsAhead = defaultMonthsAhead): Promise<MissingMonth[]> {
  const { rows } = await sql<{ month: string }>`
    select month::date::text as month from date_trunc('month', now() at time zone 'UTC') as first,
      generate_series(first, first + make_interval(months => ${monthsAhead}), interval '1 month') as month`.execute(db)
  const missing: MissingMonth[] = []
  for (const { month } of rows) {
    const error = await createMonth(db, month)
    if (error !== undefined) missing.push({ month, error })
  }
  return missing
}

/** Returns the error of the last attempt, undefined on success. */
async function createMonth(db: Db, month: string): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await sql`select document_events_create_month(${month}::date)`.execute(db)
      return undefined
    } catch (error) {
      if (isUnreachable(error)) throw error
      const isBusy = isLockTimeout(error) || isDeadlock(error)
      if (!isBusy || attempt === maxAttempts) return error
      await wait(Math.random() * maxPauseMs)
    }
  }
}
