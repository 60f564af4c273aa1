import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { jobSchema } from '../work/job-queue.ts'

/** The rights of the service's role on each table. docs/grants.md has the same list. */
export const rightsByTable = {
  registered_users: 'select, insert',
  security_firms: 'select, insert, update',
  firm_applications: 'select, insert, update',
  firm_users: 'select, insert, update, delete',
  document_types: 'select, insert, update',
  firm_documents: 'select, insert, update, delete',
  documents: 'select, insert, update, delete',
  document_versions: 'select, insert, update, delete',
  document_blobs: 'select, insert, update, delete',
  document_holds: 'select, insert, update, delete',
  document_object_holds: 'select, insert, delete',
  document_disposals: 'select, insert',
  document_review_queue: 'select, insert, update, delete',
  document_scanner: 'select, insert, update',
  document_verifications: 'select, insert',
  document_uploads: 'select, insert, update, delete',
  document_idempotency_keys: 'select, insert, update, delete',
  document_events: 'select',
  document_events_default: 'select',
  document_event_persons: 'select, delete',
  document_trail: 'select, insert',
  document_quotas: 'select, insert, update',
  document_registered_firms: 'select, insert',
  document_usage: 'select, insert, update',
  document_usage_changes: 'select, insert, delete',
  document_rates: 'select, insert, update, delete',
  document_runs: 'select, insert, update, delete',
  document_history: 'select, insert, update, delete',
  document_seals: 'select, insert',
  document_sessions: 'select, insert, update, delete',
  document_refresh_tokens: 'select, insert, update, delete',
  document_api_keys: 'select, insert, update, delete',
  document_login_failures: 'select, insert, update, delete',
  document_generated_passwords: 'select, insert, update, delete',
  document_totp: 'select, insert, update, delete',
  document_recovery_codes: 'select, insert, update, delete',
  document_passkeys: 'select, insert, update, delete',
  document_login_challenges: 'select, insert, update, delete',
  document_passkey_challenges: 'select, insert, delete',
  document_platform_roles: 'select, insert, update, delete',
  document_former_members: 'select, insert, update, delete',
  document_identities: 'select, insert, delete',
  document_erasures: 'select, insert, update',
  document_calendars: 'select, insert, update, delete',
  document_invitations: 'select, insert, update, delete',
  document_mails: 'select, insert, update, delete',
  document_messages: 'select, insert, update, delete',
  document_digests: 'select, insert',
  document_reminders: 'select, insert, update',
  document_preferences: 'select, insert, update, delete',
  document_link_tokens: 'select, insert, delete',
  document_unverified_emails: 'select, insert, delete',
  document_webhooks: 'select, insert, update, delete',
  document_webhook_deliveries: 'select, insert, update, delete',
  document_secrets: 'select, insert',
  document_installation: 'select',
  document_migrations: 'select',
  document_comparison: 'select',
  document_unfollowed: 'select',
  document_backups: 'select, insert, update, delete',
  document_restores: 'select',
} as const

/** What the role may change of an account: nothing that gives rights, such as `role`, `is_verified` or `is_suspended`. */
export const changeableOfAccounts = [
  'email',
  'first_name',
  'is_locked',
  'last_name',
  'locked_at',
  'password_hash',
  'phone',
  'updated_at',
]

/** The functions that the role may call. Each runs with the rights of the tables' owner. */
const functions = [
  'document_events_create_month(date)',
  'document_trail_offset()',
  'document_personnel(uuid)',
  'document_administrators()',
  'document_compare(integer)',
  'document_restart_comparison()',
  'document_follow_noted(integer)',
  'document_follow_locked(uuid,uuid)',
]

/** Grants the service's role exactly these rights. Runs after every migration if another role owns the tables. */
export async function grantToService(ownerDb: Db, serviceRole: string): Promise<void> {
  const role = sql.id(serviceRole)
  await ownerDb.transaction().execute(async (trx) => {
    // PostgreSQL rejects two concurrent grants on one table, and several instances may start at once.
    await sql`select pg_advisory_xact_lock(hashtext('paniq-documents grants'))`.execute(trx)
    await sql`grant usage on schema public to ${role}`.execute(trx)
    for (const [table, rights] of Object.entries(rightsByTable)) {
      await sql`grant ${sql.raw(rights)} on ${sql.id(table)} to ${role}`.execute(trx)
    }
    const columns = sql.join(changeableOfAccounts.map((column) => sql.id(column)))
    await sql`grant update (${columns}) on registered_users to ${role}`.execute(trx)
    for (const signature of functions)
      await sql`grant execute on function ${sql.raw(signature)} to ${role}`.execute(trx)
    // The queue's library defines the tables of its schema. The service may read and write rows, but not alter the tables.
    await sql`grant usage on schema ${sql.id(jobSchema)} to ${role}`.execute(trx)
    await sql`grant select, insert, update, delete on all tables in schema ${sql.id(jobSchema)} to ${role}`.execute(trx)
  })
}
