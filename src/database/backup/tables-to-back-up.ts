/** Their unknown columns are backed up too, and a restore adds them if they are missing. */
export const platformTables = [
  'registered_users',
  'security_firms',
  'firm_users',
  'firm_applications',
  'document_types',
  'firm_documents',
] as const

/** The tables in a backup, in the order of a restore: referenced tables come first. */
export const backedUpTables = [
  ...platformTables,
  'document_installation',
  'documents',
  'document_versions',
  'document_holds',
  'document_object_holds',
  'document_disposals',
  'document_blobs',
  'document_verifications',
  'document_idempotency_keys',
  'document_unfollowed',
  'document_quotas',
  'document_registered_firms',
  'document_usage',
  'document_usage_changes',
  'document_identities',
  'document_platform_roles',
  'document_former_members',
  'document_totp',
  'document_recovery_codes',
  'document_passkeys',
  'document_generated_passwords',
  'document_unverified_emails',
  'document_digests',
  'document_reminders',
  'document_messages',
  'document_preferences',
  'document_erasures',
  'document_events',
  'document_event_persons',
  'document_seals',
  // After the events: those of a restore are delivered to nobody.
  'document_webhooks',
] as const

export type BackedUpTable = (typeof backedUpTables)[number]

/** The tables that are not in a backup, with the reason. The manifest has this list. */
export const leftOutTables: Record<string, string> = {
  document_sessions: 'sessions are not restored: people log in again',
  document_refresh_tokens: 'sessions are not restored: people log in again',
  document_api_keys: 'a restore must not revive revoked keys; programs get new ones',
  document_mails: 'a restore must not send mail again; people ask for their links again',
  document_webhook_deliveries: 'a restore must not send events again',
  document_calendars: 'a restore must not revive ended links',
  document_invitations: 'a restore must not revive used or withdrawn invitations',
  document_link_tokens: 'a restore must not revive used links',
  document_login_challenges: 'a login waits five minutes for its second factor',
  document_passkey_challenges: 'a challenge of a passkey lives five minutes',
  document_uploads: 'a restore has no bytes of unfinished uploads: people send those files again',
  document_secrets:
    'generated secrets are not copied: a restored service creates new ones, and older signed links are invalid',
  document_login_failures: 'a lockout lasts 15 minutes',
  document_rates: 'rate limits of the last hour',
  document_review_queue: 'it follows from the documents, and a restore fills it again',
  document_scanner: 'the signatures of the current scanner, which are read again',
  document_runs: 'the last runs of jobs on the old machines',
  document_history: 'figures of 30 days; a restored service counts its uploads again from the audit trail',
  document_comparison: 'progress of comparing firm_documents; a restored service compares all rows again',
  document_migrations: 'the manifest names the migrations, and a restore runs them',
  document_migrations_lock: 'locked only while migrations run',
  document_backups: 'the backups of this database; each backup has its own manifest',
  document_restores: 'the restore that created this database',
}
