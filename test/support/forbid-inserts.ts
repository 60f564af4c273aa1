import { sql } from 'kysely'
import { onTestFinished } from 'vitest'

import type { Db } from '../../src/database/client.ts'

/** Until the test ends the database answers as where the user may not insert into this table. */
export async function forbidInserts(db: Db, table: string): Promise<void> {
  await sql`
    create function forbid_inserts() returns trigger language plpgsql as
    $$ begin raise insufficient_privilege; end $$
  `.execute(db)
  onTestFinished(async () => {
    await sql`drop function forbid_inserts() cascade`.execute(db).catch(() => undefined)
  })
  await sql`
    create trigger forbid_inserts before insert on ${sql.id(table)} for each statement execute function forbid_inserts()
  `.execute(db)
}
