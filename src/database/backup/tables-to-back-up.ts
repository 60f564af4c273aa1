/** Columns of these that we know nothing of are backed up too, and made by a restore where they are missing. */
export const platformTables = [
  'registered_users',
  'security_firms',
  'firm_users',
  'firm_applications',
  'document_types',
  'firm_documents',
] as const

/**
 * What a backup has, in the order in which a restore fills it: whatever is referred to comes first. The platform's tables
 * are those that this service stands on.
 */
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
  'document_usage',
  'document_usage_changes',
  'document_identities',
  'document_events',
  'document_event_persons',
  'document_seals',
] as const

export type BackedUpTable = (typeof backedUpTables)[number]

/** What it has not, and why nobody misses it. */
export const leftOutTables: Record<string, string> = {
  document_sessions: 'a backup must let nobody in: people log in again',
  document_refresh_tokens: 'a backup must let nobody in: people log in again',
  document_secrets:
    'generated secrets stay where they were made; a restored service makes new ones, and links signed before are void',
  document_login_failures: 'a lockout lasts 15 minutes',
  document_rates: 'counts of the last hour',
  document_scanner: 'what the scanner at hand knows, which is asked again',
  document_runs: 'when which job last ran on the machines of then',
  document_comparison: 'how far firm_documents was compared; a restored service compares all of it once more',
  document_migrations: 'the manifest names the migrations, and a restore runs them',
  document_migrations_lock: 'held only while migrations run',
  document_backups: 'which backups run and ran here; each backup has its own manifest',
  document_restores: 'by which backup a database was made, which is another one each time',
}
