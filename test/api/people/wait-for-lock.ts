import { sql } from 'kysely'

import type { Db } from '../../../src/database/client.ts'

/** Resolves once somebody of this database waits for a row or table that another holds. */
export async function waitUntilSomebodyWaits(db: Db): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
    if (rows.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
