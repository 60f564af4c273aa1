import { sql } from 'kysely'
import { onTestFinished } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'

/**
 * Makes the database reject inserts into this table, as for a user without the right, until the test ends or the
 * returned function is called. Tests run as a superuser, whom no right stops, so the trigger continues as a role
 * without it.
 */
export async function forbidInserts(db: Db, table: string): Promise<() => Promise<void>> {
  const asNobody = `begin set local role pg_monitor; perform 1 from ${table}; return null; end`
  await sql`create function forbid_inserts() returns trigger language plpgsql as ${sql.lit(asNobody)}`.execute(db)
  const allow = async () => void (await sql`drop function if exists forbid_inserts() cascade`.execute(db))
  onTestFinished(() => allow().catch(() => undefined))
  await sql`
    create trigger forbid_inserts before insert on ${sql.id(table)} for each statement execute function forbid_inserts()
  `.execute(db)
  return allow
}
