import { sql } from 'kysely'

import type { Db } from './client.ts'

/**
 * Whether all these migrations have run. Others may have run as well: those of a later version, which only add. Asks with
 * no more rights than to read the list, so that a role that may change no table can find out that it need not.
 */
export async function isMigrated(db: Db, names: string[]): Promise<boolean> {
  const { rows: tables } = await sql<{ name: string | null }>`
    select to_regclass('document_migrations')::text as name
  `.execute(db)
  if (tables[0]?.name == null) return false

  const { rows } = await sql<{ name: string }>`select name from document_migrations`.execute(db)
  const run = new Set(rows.map(({ name }) => name))
  return names.every((name) => run.has(name))
}
