import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { openDatabase } from '../../src/database/client.ts'
import { migrate } from '../../src/database/migrate.ts'
import { makeLogger } from '../../src/logger.ts'
import { freshDatabase } from '../support/fresh-database.ts'

it('events of a month that nobody made in time stop neither the start nor the months after it', async () => {
  const database = await freshDatabase()
  const { db } = openDatabase({ connectionString: database.url }, makeLogger({ level: 'silent', isTerminal: false }))
  await migrate(db)
  await sql`insert into document_events (occurred_at, action, outcome, request_id, personal_commitment)
    values (date_trunc('month', now()) + interval '4 months 1 day', 'x', 'ok', '', sha256(''))`.execute(db)

  await sql`select document_events_make_months(5)`.execute(db)
  await migrate(db)

  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'document_events'::regclass order by 1`.execute(db)
  const expected = [0, 1, 2, 3, 5].map((ahead) => `document_events_${monthFromNow(ahead)}`)
  expect(rows.map(({ name }) => name)).toEqual([...expected, 'document_events_default'])
  await db.destroy()
  await database.drop()
})

/** As `2026_11`. */
function monthFromNow(ahead: number): string {
  const now = new Date()
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
  return month.toISOString().slice(0, 7).replace('-', '_')
}
