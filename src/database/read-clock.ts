import { sql } from 'kysely'

import type { Clock } from '../vocabulary.ts'
import type { Db } from './client.ts'

/** The database's clock, by which rows have their times: a machine whose own is a day ahead must not take them for old. */
export async function readClock(db: Db): Promise<Clock> {
  const askedAt = Date.now()
  const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(db)
  const aheadMs = (rows[0]?.at.getTime() ?? askedAt) - (askedAt + Date.now()) / 2
  return () => new Date(Date.now() + aheadMs)
}
