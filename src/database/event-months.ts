import { sql } from 'kysely'

import type { Db } from './client.ts'

const monthsAhead = 3

/** Makes room for the events of this month and the next ones; what is there already stays. Any role of ours may ask for it. */
export async function makeEventMonths(db: Db): Promise<void> {
  await sql`select document_events_make_months(${monthsAhead})`.execute(db)
}
