import { sql } from 'kysely'

import type { Db } from './client.ts'

/**
 * Whether all these migrations have run. Others may have run as well: those of a later version, which only add. Asks with
 * no more rights than to read the list, so that a role that may change no table can find out that it need not.
 */
export async function isMigrated(db: Db, names: string[]): Promise<boolean> {
  const migrated = new Set(await listMigrated(db))
  return names.every((name) => migrated.has(name))
}

/** The names of all migrations that have run, in their order; none in a database that has no list. */
export async function listMigrated(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string | null }>`
    select to_regclass('document_migrations')::text as name`.execute(db)
  if (tables[0]?.name == null) return []
  const { rows } = await sql<{ name: string }>`select name from document_migrations order by name`.execute(db)
  return rows.map(({ name }) => name)
}
