import { sql } from 'kysely'

import type { Db } from '../../../src/database/connection/client.ts'

/** Resolves once this number of connections of this database wait for a locked row. */
export async function waitUntilWaiting(db: Db, count = 1): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
    if (rows.length >= count) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
