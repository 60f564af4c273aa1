import { sql } from 'kysely'
import { onTestFinished } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'

/**
 * Until the test ends, or what it gives is called, the database refuses inserts into this table as to a user without the
 * right: nobody refuses a superuser, as whom tests run, so the trigger goes on as somebody who has none.
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
