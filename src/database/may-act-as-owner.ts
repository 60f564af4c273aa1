import { sql } from 'kysely'

import type { Db } from './client.ts'

/**
 * Whether the role that asks owns the audit trail, or may become its owner: as a member of the owning role, or as a
 * superuser. Such a role could drop the guards that refuse a change.
 */
export async function mayActAsOwner(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select pg_has_role(current_user, relowner, 'member') as may from pg_class where oid = 'document_events'::regclass
  `.execute(db)
  return rows[0]?.may ?? false
}
