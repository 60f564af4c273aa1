/** Gauges of a count of rows, or of the age of the oldest one. `rows` and `value` name the figure in `RowCounts`. */
export const rowGauges = {
  // Stores
  fallbackFiles: {
    name: 'paniq_documents_fallback_files',
    help: 'Files stored locally until S3 is available again, over all instances; counted up to 10000.',
    rows: 'fallback',
    value: 'count',
  },
  fallbackOldest: {
    name: 'paniq_documents_fallback_oldest_seconds',
    help: 'Age of the oldest file stored locally until S3 is available again; 0 if there is none.',
    rows: 'fallback',
    value: 'oldestSeconds',
  },

  // Scans
  scansPending: {
    name: 'paniq_documents_scans_pending',
    help: 'Versions of documents that are not served before their scan, over all instances; counted up to 10000.',
    rows: 'scansWaiting',
    value: 'count',
  },
  scansPendingOldest: {
    name: 'paniq_documents_scans_pending_oldest_seconds',
    help: 'Time that the oldest version with a failed scan has waited for a verdict; 0 if there is none.',
    rows: 'scansWaiting',
    value: 'oldestSeconds',
  },
  infectedVersions: {
    name: 'paniq_documents_infected_versions',
    help: 'Stored versions found infected and moved into quarantine; counted up to 10000.',
    rows: 'infected',
    value: 'count',
  },

  // Background work
  openMoves: {
    name: 'paniq_documents_open_moves',
    help: 'Unfinished moves between stores and copies into quarantine, over all instances; counted up to 10000.',
    rows: 'openMoves',
    value: 'count',
  },
  openMovesOldest: {
    name: 'paniq_documents_open_moves_oldest_seconds',
    help: 'Age of the oldest unfinished move; 0 if there is none.',
    rows: 'openMoves',
    value: 'oldestSeconds',
  },
  openUploads: {
    name: 'paniq_documents_open_uploads',
    help: 'Running uploads and uploads with an unknown outcome, over all instances, without resumable ones; counted up to 10000.',
    rows: 'openUploads',
    value: 'count',
  },
  openUploadsOldest: {
    name: 'paniq_documents_open_uploads_oldest_seconds',
    help: 'Age of the oldest open upload; 0 if there is none.',
    rows: 'openUploads',
    value: 'oldestSeconds',
  },
  dueRemovals: {
    name: 'paniq_documents_due_removals',
    help: 'Files that no document names and that are due for removal, over all instances; counted up to 10000.',
    rows: 'dueRemovals',
    value: 'count',
  },
  dueRemovalsOldest: {
    name: 'paniq_documents_due_removals_oldest_seconds',
    help: 'Time that the oldest removal has been due; 0 if there is none.',
    rows: 'dueRemovals',
    value: 'oldestSeconds',
  },
  quarantinedFiles: {
    name: 'paniq_documents_quarantined_files',
    help: 'Files in quarantine, over all instances: orphans and infected files; counted up to 10000.',
    rows: 'quarantined',
    value: 'count',
  },
  platformRowsWaiting: {
    name: 'paniq_documents_platform_rows_waiting',
    help: 'Rows of firm_documents that are not documents yet or have a change to follow; each counted up to 10000.',
    rows: 'platformRows',
    value: 'count',
  },
  platformRowsOldest: {
    name: 'paniq_documents_platform_rows_oldest_seconds',
    help: 'Time that the oldest waiting row of firm_documents has waited; 0 if there is none.',
    rows: 'platformRows',
    value: 'oldestSeconds',
  },
  unhashedDocuments: {
    name: 'paniq_documents_unhashed_documents',
    help: 'Versions written by the platform that have no hash yet; counted up to 10000.',
    rows: 'unhashed',
    value: 'count',
  },
  trashDocuments: {
    name: 'paniq_documents_trash_documents',
    help: 'Documents in the trash; counted up to 10000.',
    rows: 'inTrash',
    value: 'count',
  },
  trashOldest: {
    name: 'paniq_documents_trash_oldest_seconds',
    help: 'Time that the oldest document has been in the trash; 0 if there is none.',
    rows: 'inTrash',
    value: 'oldestSeconds',
  },

  // Mail
  mailsWaiting: {
    name: 'paniq_documents_mails_waiting',
    help: 'Mails that are to be sent, or tried again; counted up to 10000.',
    rows: 'mailsWaiting',
    value: 'count',
  },
  mailsWaitingOldest: {
    name: 'paniq_documents_mails_waiting_oldest_seconds',
    help: 'Time since the oldest waiting mail was queued; 0 if there is none.',
    rows: 'mailsWaiting',
    value: 'oldestSeconds',
  },
  mailsFailed: {
    name: 'paniq_documents_mails_failed',
    help: 'Mails that were given up within the last 30 days; counted up to 10000.',
    rows: 'mailsFailed',
    value: 'count',
  },

  // Webhooks
  webhooksWaiting: {
    name: 'paniq_documents_webhook_deliveries_waiting',
    help: 'Events that are to be sent to enabled webhooks, or tried again; counted up to 10000.',
    rows: 'webhooksWaiting',
    value: 'count',
  },
  webhooksWaitingOldest: {
    name: 'paniq_documents_webhook_deliveries_waiting_oldest_seconds',
    help: 'Time since the oldest of them happened; 0 if there is none.',
    rows: 'webhooksWaiting',
    value: 'oldestSeconds',
  },
  webhooksDisabled: {
    name: 'paniq_documents_webhooks_disabled',
    help: 'Webhooks that the service disabled, because their receiver failed for three days or is gone.',
    rows: 'webhooksDisabled',
    value: 'count',
  },

  // Audit trail
  eventsWithoutMonth: {
    name: 'paniq_documents_events_without_month',
    help: 'Audit events in the default partition, which should stay empty; counted up to 10000.',
    rows: 'eventsWithoutMonth',
    value: 'count',
  },
  eventMonthsAhead: {
    name: 'paniq_documents_event_months_ahead',
    help: 'Future months that have a partition for audit events; 3 after each nightly run.',
    rows: 'eventMonthsAhead',
    value: 'count',
  },
} as const

/** Values that rise and fall. */
export const gauges = {
  ...rowGauges,
  build: {
    name: 'paniq_documents_build_info',
    help: 'Always 1; the labels name the running version and its Node.',
    labelNames: ['version', 'node'],
  },

  // Requests and uploads
  requestsInProgress: {
    name: 'paniq_documents_http_requests_in_progress',
    help: 'Requests without a complete response.',
  },
  uploadMemory: {
    name: 'paniq_documents_upload_memory_bytes',
    help: 'Memory for uploads: in use (used) and the maximum (limit).',
    labelNames: ['kind'],
  },
  uploadsWaiting: { name: 'paniq_documents_uploads_waiting', help: 'Uploads that wait for memory.' },
  spoolBytes: {
    name: 'paniq_documents_spool_bytes',
    help: 'Bytes of running uploads in DATA_DIR: large files, and small ones that found no free memory.',
  },

  unfinishedUploads: {
    name: 'paniq_documents_unfinished_uploads',
    help: 'Resumable uploads that are neither documents nor rejected yet, over all instances; counted up to 10000.',
  },
  unfinishedUploadsReserved: {
    name: 'paniq_documents_unfinished_uploads_reserved_bytes',
    help: 'Room that they reserve: the sum of their whole lengths.',
  },
  unfinishedUploadsOldest: {
    name: 'paniq_documents_unfinished_uploads_oldest_seconds',
    help: 'Time since the oldest of them began; 0 if there is none.',
  },

  // Stores
  s3Available: {
    name: 'paniq_documents_s3_available',
    help: '1 while the service uses S3, 0 while S3 is out or has no credentials; absent if S3 is not configured.',
  },
  diskFree: {
    name: 'paniq_documents_disk_free_bytes',
    help: 'Free space for the service in a folder (uploads: UPLOADS_DIR, data: DATA_DIR); absent if the disk does not answer.',
    labelNames: ['folder'],
  },
  diskSize: {
    name: 'paniq_documents_disk_size_bytes',
    help: 'Size of the disk of a folder.',
    labelNames: ['folder'],
  },

  // Scans
  scannerUp: {
    name: 'paniq_documents_scanner_up',
    help: '1 if the virus scanner answered the last check, else 0; absent if none is configured.',
  },

  // Background work
  jobs: {
    name: 'paniq_documents_jobs',
    help: 'Waiting (created, retry), running (active) and finally failed (failed) jobs by queue; each counted up to 10000.',
    labelNames: ['queue', 'state'],
  },
  jobsOldest: {
    name: 'paniq_documents_jobs_oldest_seconds',
    help: 'Time that the oldest runnable job of a queue has waited; 0 if there is none.',
    labelNames: ['queue'],
  },
  jobSucceeded: {
    name: 'paniq_documents_job_last_success_timestamp_seconds',
    help: 'Time of the last successful run on any instance; absent before the first.',
    labelNames: ['task'],
  },
  jobLastRunOk: {
    name: 'paniq_documents_job_last_run_ok',
    help: '1 if the last run succeeded, 0 if it failed or was interrupted; absent before the first.',
    labelNames: ['task'],
  },
  jobOverdue: {
    name: 'paniq_documents_job_overdue_seconds',
    help: 'Time since a successful run was due; 0 while the task is on schedule.',
    labelNames: ['task'],
  },
  verificationFinishedAt: {
    name: 'paniq_documents_verification_last_finished_timestamp_seconds',
    help: 'Time at which the last verification finished; absent before the first.',
  },
  verificationComplete: {
    name: 'paniq_documents_verification_last_complete',
    help: '1 if the last verification checked everything it should, 0 if it ended early; absent before the first.',
  },
  verificationVersions: {
    name: 'paniq_documents_verification_last_versions',
    help: 'Versions of documents that the last verification checked; absent before the first.',
  },
  verificationFindings: {
    name: 'paniq_documents_verification_findings',
    help: 'Findings of the last verification that it did not repair, by kind.',
    labelNames: ['kind'],
  },
  backupFinishedAt: {
    name: 'paniq_documents_backup_last_finished_timestamp_seconds',
    help: 'Time at which the last backup finished; absent before the first.',
  },
  backupComplete: {
    name: 'paniq_documents_backup_last_complete',
    help: '1 if the last backup has every file it should have, else 0; absent before the first.',
  },
  holds: { name: 'paniq_documents_legal_holds', help: 'Legal holds on firms and on documents.', labelNames: ['on'] },

  // The database
  databaseUp: {
    name: 'paniq_documents_database_up',
    help: '1 if the database answered the last check, else 0; without it the counts of rows are absent.',
  },
  databaseConnections: {
    name: 'paniq_documents_database_connections',
    help: 'Connections of the pool (in_use, idle), and requests that wait for one (waiting).',
    labelNames: ['state'],
  },
  databaseConnectionsMax: {
    name: 'paniq_documents_database_connections_max',
    help: 'Maximum number of connections of the pool.',
  },
} as const
