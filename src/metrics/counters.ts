const measuredStores = ['s3', 'local']
const rateKinds = ['uploads', 'downloads', 'logins', 'events']
const occasions = ['upload', 'waiting', 'again']
const verdicts = ['clean', 'infected', 'cannot_say']

/** Numbers that only rise. Those under `zeros` are shown as 0 before anything was counted. */
export const counters = {
  // Requests and uploads
  errorResponses: {
    name: 'paniq_documents_error_responses_total',
    help: 'Answers that say why not, by route pattern and the code that stands in them.',
    labelNames: ['route', 'method', 'code'],
  },
  downloads: {
    name: 'paniq_documents_downloads_total',
    help: 'Downloads that were granted: a link to S3, or a file or link of the local store.',
    labelNames: ['store'],
    zeros: measuredStores.map((store) => ({ store })),
  },
  failedLogins: {
    name: 'paniq_documents_failed_logins_total',
    help: 'Refused logins: a wrong password, an unknown or locked account, too many attempts.',
  },
  providerKeyRequests: {
    name: 'paniq_documents_provider_key_requests_total',
    help: 'Questions to the OpenID provider for its keys, by how they ended.',
    labelNames: ['outcome'],
    zeros: [{ outcome: 'ok' }, { outcome: 'failed' }],
  },
  uploadBytes: {
    name: 'paniq_documents_upload_bytes_total',
    help: 'Bytes of files handed to a store, by how that ended.',
    labelNames: ['store', 'outcome'],
  },
  uploadsWithoutS3: {
    name: 'paniq_documents_uploads_without_s3_total',
    help: 'Uploads that S3 did not take though it should: kept on the local disk meanwhile (local) or refused (nowhere).',
    labelNames: ['reason', 'goes_to'],
  },

  // Rate limits
  rateLimitedRequests: {
    name: 'paniq_documents_rate_limited_requests_total',
    help: 'Uploads, downloads, logins and other calls that were refused since their person or address had made too many.',
    labelNames: ['kind', 'of'],
    zeros: rateKinds.flatMap((kind) => ['person', 'address'].map((of) => ({ kind, of }))),
  },
  rateLimitLeases: {
    name: 'paniq_documents_rate_limit_leases_total',
    help: 'Batches of permits that this instance asked the database for, by how that ended.',
    labelNames: ['outcome'],
    zeros: ['granted', 'refused', 'failed'].map((outcome) => ({ outcome })),
  },

  // Stores
  storeBytes: {
    name: 'paniq_documents_store_bytes_total',
    help: 'Bytes that were written to a store, and read from it by the service itself.',
    labelNames: ['store', 'direction'],
    zeros: measuredStores.flatMap((store) => ['read', 'written'].map((direction) => ({ store, direction }))),
  },
  damagedVersions: {
    name: 'paniq_documents_damaged_versions_total',
    help: 'Versions of documents whose bytes were found missing or wrong, each once.',
    labelNames: ['state'],
    zeros: [{ state: 'missing' }, { state: 'wrong' }],
  },
  verifiedBytes: {
    name: 'paniq_documents_verified_bytes_total',
    help: 'Bytes of documents that were read to see whether they are still what was stored.',
  },
  s3Outages: {
    name: 'paniq_documents_s3_outages_total',
    help: 'How often S3 was left alone from then on, by why.',
    labelNames: ['reason'],
  },
  s3Recoveries: {
    name: 'paniq_documents_s3_recoveries_total',
    help: 'How often S3 was used again after it had been left alone.',
  },

  // Scans
  scans: {
    name: 'paniq_documents_scans_total',
    help: 'Verdicts of the virus scanner, of files on their way in (upload), of those that were kept without one (waiting), and of clean ones that were looked at once more (again).',
    labelNames: ['occasion', 'verdict'],
    zeros: occasions.flatMap((occasion) => verdicts.map((verdict) => ({ occasion, verdict }))),
  },
  scansUndecided: {
    name: 'paniq_documents_scans_undecided_total',
    help: 'Why the scanner could not say: not there, no connection free, no answer in time, cut off, past its limits, a password, an answer that nobody knows.',
    labelNames: ['reason'],
  },

  // Background work
  moves: {
    name: 'paniq_documents_moves_total',
    help: 'Moves of files between stores that this instance made, by how they ended.',
    labelNames: ['to', 'outcome'],
    zeros: measuredStores.flatMap((to) => ['moved', 'failed'].map((outcome) => ({ to, outcome }))),
  },
  movedBytes: {
    name: 'paniq_documents_moved_bytes_total',
    help: 'Bytes of the files that moved.',
    labelNames: ['to'],
    zeros: measuredStores.map((to) => ({ to })),
  },
  movesResumed: {
    name: 'paniq_documents_moves_resumed_total',
    help: 'Moves that were taken over from a mover that was not heard of any more.',
  },
  failedRemovals: {
    name: 'paniq_documents_failed_removals_total',
    help: 'Files that this instance could not remove, or of which it could not be told whether they may go; each is tried again.',
  },
  purgedDocuments: {
    name: 'paniq_documents_purged_documents_total',
    help: 'Documents that this instance destroyed after their time in the trash.',
  },

  // The database
  databaseFailures: {
    name: 'paniq_documents_database_failures_total',
    help: 'What went wrong between here and the database: no connection could be had (connect), no answer came (unanswered), or it came too late: behind a lock, or slow (too_late).',
    labelNames: ['kind'],
    zeros: [{ kind: 'connect' }, { kind: 'unanswered' }, { kind: 'too_late' }],
  },
} as const

/** Upper bounds in seconds for what a person waits for: from a row in memory to a client's patience. */
const answerSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const scanSeconds = [0.01, 0.05, 0.25, 1, 5, 15, 60, 180]
const statementSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30]
const workSeconds = [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 21_600]
const uploadSizes = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576].map((kibibytes) => kibibytes * 1024)

/** Distributions of times and sizes. */
export const histograms = {
  // Requests and uploads
  httpRequests: {
    name: 'paniq_documents_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer, by route pattern.',
    labelNames: ['route', 'method', 'status_class'],
    buckets: answerSeconds,
  },
  uploadSizes: {
    name: 'paniq_documents_upload_size_bytes',
    help: 'Sizes of the files handed to a store, by how that ended.',
    labelNames: ['store', 'outcome'],
    buckets: uploadSizes,
  },

  // Stores
  storeOperations: {
    name: 'paniq_documents_store_operation_duration_seconds',
    help: 'Time of what is asked of a store, until it is done; of a read until its first bytes can be had.',
    labelNames: ['store', 'operation', 'outcome'],
    buckets: answerSeconds,
  },
  s3Operations: {
    name: 'paniq_documents_s3_operation_duration_seconds',
    help: 'Time of one call to S3 with its retries.',
    labelNames: ['operation', 'outcome'],
    buckets: answerSeconds,
  },

  // Scans
  scanSeconds: {
    name: 'paniq_documents_scan_duration_seconds',
    help: 'Time from the first byte sent to the scanner to its verdict; of a large upload it includes the time that its bytes took to come.',
    labelNames: ['verdict'],
    buckets: scanSeconds,
  },

  // Background work
  jobSeconds: {
    name: 'paniq_documents_job_duration_seconds',
    help: 'Time of one attempt at a job of a queue, or of one run of a task that each instance repeats, by how it ended.',
    labelNames: ['task', 'outcome'],
    buckets: workSeconds,
  },

  // The database
  databaseStatements: {
    name: 'paniq_documents_database_statement_duration_seconds',
    help: 'Time of one statement, from its sending to the end of its answer.',
    buckets: statementSeconds,
  },
  databaseWaits: {
    name: 'paniq_documents_database_connection_wait_seconds',
    help: 'Time until a connection of the pool could be had.',
    buckets: statementSeconds,
  },
} as const
