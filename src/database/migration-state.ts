import { sql } from 'kysely'

import type { Db } from './client.ts'

/** Which of our migrations ran last, how many there were, and since when the tables are as they are. */
export type MigrationState = { last: string; count: number; since: Date }

export async function findMigrationState(db: Db): Promise<MigrationState> {
  const { rows } = await sql<MigrationState>`
    select max(name) as last, count(*)::int as count, max(timestamp::timestamptz) as since
    from document_migrations`.execute(db)
  const [state] = rows
  if (state === undefined) throw new Error('the database did not say which migrations ran')
  return state
}
