import { sql } from 'kysely'

import type { Db } from './client.ts'

/** Whether the tables' owner may read the platform's `firm_personnel`; so too where that table is not there. */
export async function mayReadPersonnel(ownerDb: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select coalesce(has_table_privilege(to_regclass('public.firm_personnel'), 'select'), true) as may`.execute(ownerDb)
  return rows[0]?.may ?? true
}
