import { sql } from 'kysely'

import type { Db } from './client.ts'

/** Whether `document_personnel` may read the platform's `firm_personnel`; so too where that table is not there. */
export async function mayReadPersonnel(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select coalesce(has_table_privilege(proowner, to_regclass('public.firm_personnel'), 'select'), true) as may
    from pg_proc where oid = 'public.document_personnel(uuid)'::regprocedure`.execute(db)
  return rows[0]?.may ?? true
}
