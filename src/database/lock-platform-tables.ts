import { type Kysely, sql } from 'kysely'

/** What our migrations need of each, from the first one on. */
const modes: [table: string, mode: string][] = [
  ['document_types', 'access exclusive'],
  ['firm_documents', 'share row exclusive'],
  ['firm_users', 'share row exclusive'],
  ['registered_users', 'share row exclusive'],
  ['security_firms', 'share row exclusive'],
]

/**
 * All of the platform's tables that are there, at once or not at all, until the transaction ends: who never waits for one
 * while holding another stands in no deadlock, of which the platform's transaction could be the victim. Throws PostgreSQL's
 * own error for a lock that cannot be had just now.
 */
export async function lockPlatformTables(trx: Kysely<unknown>): Promise<void> {
  for (const [table, mode] of modes) {
    const { rows } = await sql`select where to_regclass(${table}) is not null`.execute(trx)
    if (rows.length > 0) await sql`lock table ${sql.table(table)} in ${sql.raw(mode)} mode nowait`.execute(trx)
  }
}
