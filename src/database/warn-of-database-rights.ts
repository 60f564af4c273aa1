import { sql } from 'kysely'
import type { Logger } from 'pino'

import type { Db } from './connection/client.ts'

/**
 * Asks the database instead of the settings: both addresses may name the same role, or one role may be a member of the
 * other.
 */
export async function warnOfOwner(db: Db, log: Logger): Promise<void> {
  if (!(await mayActAsOwner(db))) return
  log.warn(
    { event: 'service_may_own_trail' },
    'the service’s role may act as the owner of its tables and could alter the audit trail; give the service its own role and set DATABASE_OWNER_URL to the owner',
  )
}

export async function warnOfPersonnel(db: Db, log: Logger): Promise<void> {
  if (await mayReadPersonnel(db)) return
  log.warn(
    { event: 'personnel_not_readable' },
    'the owner of the service’s tables may not read firm_personnel, so its administrators cannot act here; grant it select on that table',
  )
}

/**
 * Whether the current role owns the audit trail or can act as its owner: as a member of the owning role or as a superuser.
 * Such a role could drop the triggers that deny changes.
 */
async function mayActAsOwner(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select pg_has_role(current_user, relowner, 'member') as may from pg_class where oid = 'document_events'::regclass
  `.execute(db)
  return rows[0]?.may ?? false
}

/** Whether `document_personnel` may read the platform's `firm_personnel`. True if that table does not exist. */
async function mayReadPersonnel(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select coalesce(has_table_privilege(proowner, to_regclass('public.firm_personnel'), 'select'), true) as may
    from pg_proc where oid = 'public.document_personnel(uuid)'::regprocedure`.execute(db)
  return rows[0]?.may ?? true
}
