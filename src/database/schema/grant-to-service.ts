import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { jobSchema } from '../work/job-queue.ts'

/** What the service's role may do with each table: the whole list, also in docs/grants.md. */
export const rightsByTable = {
  registered_users: 'select, insert, update',
  security_firms: 'select, insert, update',
  firm_users: 'select, insert, update, delete',
  document_types: 'select, insert, update',
  firm_documents: 'select, insert, update, delete',
  documents: 'select, insert, update, delete',
  document_versions: 'select, insert, update, delete',
  document_blobs: 'select, insert, update, delete',
  document_holds: 'select, insert, update, delete',
  document_object_holds: 'select, insert, delete',
  document_disposals: 'select, insert',
  document_scanner: 'select, insert, update',
  document_verifications: 'select, insert',
  document_idempotency_keys: 'select, insert, update, delete',
  document_events: 'select',
  document_events_default: 'select',
  document_event_persons: 'select, delete',
  document_trail: 'select, insert',
  document_quotas: 'select, insert, update',
  document_usage: 'select, insert, update',
  document_usage_changes: 'select, insert, delete',
  document_rates: 'select, insert, update, delete',
  document_runs: 'select, insert, update, delete',
  document_seals: 'select, insert',
  document_sessions: 'select, insert, update, delete',
  document_refresh_tokens: 'select, insert, update, delete',
  document_login_failures: 'select, insert, update, delete',
  document_identities: 'select, insert, delete',
  document_secrets: 'select, insert',
  document_installation: 'select',
  document_migrations: 'select',
  document_comparison: 'select',
  document_unfollowed: 'select',
  document_backups: 'select, insert, update, delete',
  document_restores: 'select',
} as const

/** What it may call, each with the rights of the tables' owner. */
const functions = [
  'document_events_create_month(date)',
  'document_cluster()',
  'document_events_lock()',
  'document_personnel(uuid)',
  'document_compare(integer)',
  'document_restart_comparison()',
  'document_follow_noted(integer)',
  'document_follow_locked(uuid,uuid)',
]

/** Gives the service's role what it needs and no more. Done after every migration, where the tables' owner is another role. */
export async function grantToService(ownerDb: Db, serviceRole: string): Promise<void> {
  const role = sql.id(serviceRole)
  await ownerDb.transaction().execute(async (trx) => {
    // Instances that start at once would refuse each other's: two may not grant on one table at the same moment.
    await sql`select pg_advisory_xact_lock(hashtext('paniq-documents grants'))`.execute(trx)
    await sql`grant usage on schema public to ${role}`.execute(trx)
    for (const [table, rights] of Object.entries(rightsByTable)) {
      await sql`grant ${sql.raw(rights)} on ${sql.id(table)} to ${role}`.execute(trx)
    }
    for (const called of functions) await sql`grant execute on function ${sql.raw(called)} to ${role}`.execute(trx)
    // The queue's library decides what is in its schema; the service owns none of it and may change no table.
    await sql`grant usage on schema ${sql.id(jobSchema)} to ${role}`.execute(trx)
    await sql`grant select, insert, update, delete on all tables in schema ${sql.id(jobSchema)} to ${role}`.execute(trx)
  })
}
