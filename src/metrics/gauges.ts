/** Values that rise and fall. */
export const gauges = {
  build: {
    name: 'paniq_documents_build_info',
    help: 'Always 1; its labels say which version runs, and on which Node.',
    labelNames: ['version', 'node'],
  },

  // Requests and uploads
  requestsInProgress: {
    name: 'paniq_documents_http_requests_in_progress',
    help: 'Requests that came and are not yet answered to the end.',
  },
  uploadMemory: {
    name: 'paniq_documents_upload_memory_bytes',
    help: 'Memory for uploads: held by them (used), and the most there is (limit).',
    labelNames: ['kind'],
  },
  uploadsWaiting: {
    name: 'paniq_documents_uploads_waiting',
    help: 'Uploads that wait for others to give memory back.',
  },
  spoolBytes: {
    name: 'paniq_documents_spool_bytes',
    help: 'Bytes of files on their way that lie in DATA_DIR: large ones, and small ones that there was no memory for when they began.',
  },

  // Stores
  s3Available: {
    name: 'paniq_documents_s3_available',
    help: '1 while S3 is used, 0 while it is left alone since it failed or has no credentials; absent where it is not set up.',
  },
  diskFree: {
    name: 'paniq_documents_disk_free_bytes',
    help: 'Room that the service may still use where a folder of its lies (uploads: UPLOADS_DIR, data: DATA_DIR); absent when the disk does not answer.',
    labelNames: ['folder'],
  },
  diskSize: {
    name: 'paniq_documents_disk_size_bytes',
    help: 'Size of the disk on which a folder of the service lies.',
    labelNames: ['folder'],
  },
  fallbackFiles: {
    name: 'paniq_documents_fallback_files',
    help: 'Files that wait on local disks for S3 to be back, over all instances; counted up to 10000.',
  },
  fallbackOldest: {
    name: 'paniq_documents_fallback_oldest_seconds',
    help: 'Age of the oldest file that waits on a local disk for S3; 0 when none does.',
  },

  // Scans
  scannerUp: {
    name: 'paniq_documents_scanner_up',
    help: '1 when the virus scanner answered the last look, else 0; absent where none is set.',
  },
  scansPending: {
    name: 'paniq_documents_scans_pending',
    help: 'Versions of documents that are not given out before their scan, over all instances; counted up to 10000.',
  },
  scansPendingOldest: {
    name: 'paniq_documents_scans_pending_oldest_seconds',
    help: 'For how long the oldest of those that were tried has waited for a verdict; 0 when none does.',
  },
  infectedVersions: {
    name: 'paniq_documents_infected_versions',
    help: 'Versions of documents in which a virus was found after they were kept, and that are in quarantine; counted up to 10000.',
  },

  // Background work
  jobs: {
    name: 'paniq_documents_jobs',
    help: 'Jobs that wait (created, retry), run (active) or failed for good (failed), by queue; each counted up to 10000.',
    labelNames: ['queue', 'state'],
  },
  jobsOldest: {
    name: 'paniq_documents_jobs_oldest_seconds',
    help: 'For how long the oldest job that could run has waited for somebody to take it, by queue; 0 when none does.',
    labelNames: ['queue'],
  },
  jobSucceeded: {
    name: 'paniq_documents_job_last_success_timestamp_seconds',
    help: 'When a job, or a task of an instance for its disk, last went well, on whichever instance; absent before the first time.',
    labelNames: ['task'],
  },
  jobLastRunOk: {
    name: 'paniq_documents_job_last_run_ok',
    help: '1 when its last run went well, 0 when it failed or was broken off; absent before the first.',
    labelNames: ['task'],
  },
  jobOverdue: {
    name: 'paniq_documents_job_overdue_seconds',
    help: 'For how long it should have gone well once more; 0 while it is in time.',
    labelNames: ['task'],
  },
  openMoves: {
    name: 'paniq_documents_open_moves',
    help: 'Moves of files between stores, and copies into quarantine, that were begun and did not end, over all instances; counted up to 10000.',
  },
  openMovesOldest: {
    name: 'paniq_documents_open_moves_oldest_seconds',
    help: 'Age of the oldest of them; 0 when there is none.',
  },
  openUploads: {
    name: 'paniq_documents_open_uploads',
    help: 'Uploads under way, and those whose end is not known, over all instances; counted up to 10000.',
  },
  openUploadsOldest: {
    name: 'paniq_documents_open_uploads_oldest_seconds',
    help: 'Age of the oldest of them; 0 when there is none.',
  },
  dueRemovals: {
    name: 'paniq_documents_due_removals',
    help: 'Files that no document names any more and that may go now, over all instances; counted up to 10000.',
  },
  dueRemovalsOldest: {
    name: 'paniq_documents_due_removals_oldest_seconds',
    help: 'For how long the oldest of them could have been gone; 0 when there is none.',
  },
  quarantinedFiles: {
    name: 'paniq_documents_quarantined_files',
    help: 'Files in quarantine, over all instances: orphans that a repair set aside, and infected files; counted up to 10000.',
  },
  verificationFinishedAt: {
    name: 'paniq_documents_verification_last_finished_timestamp_seconds',
    help: 'When a verification last came to its end, whoever ran it; absent before the first.',
  },
  verificationComplete: {
    name: 'paniq_documents_verification_last_complete',
    help: '1 when that verification looked at all that it should, 0 when it was ended before; absent before the first.',
  },
  verificationVersions: {
    name: 'paniq_documents_verification_last_versions',
    help: 'How many versions of documents that verification looked at; absent before the first.',
  },
  verificationFindings: {
    name: 'paniq_documents_verification_findings',
    help: 'What the last verification found and did not set right, by kind.',
    labelNames: ['kind'],
  },
  backupFinishedAt: {
    name: 'paniq_documents_backup_last_finished_timestamp_seconds',
    help: 'When a backup was last finished, whoever made it; absent before the first.',
  },
  backupComplete: {
    name: 'paniq_documents_backup_last_complete',
    help: '1 when that backup has every file, or was to have none; 0 when some could not be had; absent before the first.',
  },
  platformRowsWaiting: {
    name: 'paniq_documents_platform_rows_waiting',
    help: 'Rows of firm_documents that are no documents here yet, or whose last change is not followed yet; each counted up to 10000.',
  },
  platformRowsOldest: {
    name: 'paniq_documents_platform_rows_oldest_seconds',
    help: 'For how long the oldest of them has waited; 0 when none does.',
  },
  unhashedDocuments: {
    name: 'paniq_documents_unhashed_documents',
    help: 'Versions written by the platform that nobody here has read yet, and so have no hash; counted up to 10000.',
  },
  trashDocuments: { name: 'paniq_documents_trash_documents', help: 'Documents in the trash; counted up to 10000.' },
  trashOldest: {
    name: 'paniq_documents_trash_oldest_seconds',
    help: 'For how long the oldest of them has been there; 0 when there is none.',
  },
  holds: { name: 'paniq_documents_legal_holds', help: 'Legal holds on firms and on documents.', labelNames: ['on'] },

  // The database
  databaseUp: {
    name: 'paniq_documents_database_up',
    help: '1 when the database answered the last look, else 0; the counts of its rows are then missing.',
  },
  databaseConnections: {
    name: 'paniq_documents_database_connections',
    help: 'Connections of the pool (in_use, idle), and requests that wait for one (waiting).',
    labelNames: ['state'],
  },
  databaseConnectionsMax: {
    name: 'paniq_documents_database_connections_max',
    help: 'How many connections the pool may have at once.',
  },
  eventsWithoutMonth: {
    name: 'paniq_documents_events_without_month',
    help: 'Audit events without a month of their own; anything but 0 wants looking at. Counted up to 10000.',
  },
  eventMonthsAhead: {
    name: 'paniq_documents_event_months_ahead',
    help: 'Months to come that have a partition for their audit events; three after each night.',
  },
} as const
