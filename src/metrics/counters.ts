import { uploadBytes, uploadSizes } from './upload-counters.ts'

const measuredStores = ['s3', 'local']
const rateKinds = [
  'uploads',
  'downloads',
  'logins',
  'registrations',
  'password_resets',
  'verifications',
  'invitations',
  'exports',
  'events',
]
const occasions = ['upload', 'waiting', 'again']
const verdicts = ['clean', 'infected', 'cannot_say']

/** Numbers that only rise. `zeros`: label values that appear as 0 before the first count. */
export const counters = {
  // Requests and uploads
  errorResponses: {
    name: 'paniq_documents_error_responses_total',
    help: 'Error responses by route pattern and error code.',
    labelNames: ['route', 'method', 'code'],
  },
  downloads: {
    name: 'paniq_documents_downloads_total',
    help: 'Granted downloads: a link to S3, or a file or link of the local store.',
    labelNames: ['store'],
    zeros: measuredStores.map((store) => ({ store })),
  },
  failedLogins: {
    name: 'paniq_documents_failed_logins_total',
    help: 'Failed logins: wrong password, unknown or locked account, failed sign-in with the provider, too many attempts.',
  },
  providerKeyRequests: {
    name: 'paniq_documents_provider_key_requests_total',
    help: 'Requests to the OpenID provider for its keys, by outcome.',
    labelNames: ['outcome'],
    zeros: [{ outcome: 'ok' }, { outcome: 'failed' }],
  },
  uploadBytes,
  uploadsWithoutS3: {
    name: 'paniq_documents_uploads_without_s3_total',
    help: 'Uploads that S3 did not accept: stored locally (local) or rejected (nowhere).',
    labelNames: ['reason', 'goes_to'],
  },

  webhookAttempts: {
    name: 'paniq_documents_webhook_attempts_total',
    help: 'Requests to webhooks by outcome: delivered, failed (tried again), given_up.',
    labelNames: ['outcome'],
    zeros: ['delivered', 'failed', 'given_up'].map((outcome) => ({ outcome })),
  },

  // Rate limits
  rateLimitedRequests: {
    name: 'paniq_documents_rate_limited_requests_total',
    help: 'Requests denied by the rate limit of their person or address.',
    labelNames: ['kind', 'of'],
    zeros: rateKinds.flatMap((kind) => ['person', 'address'].map((of) => ({ kind, of }))),
  },
  rateLimitLeases: {
    name: 'paniq_documents_rate_limit_leases_total',
    help: 'Leases of rate limits that this instance requested from the database, by outcome.',
    labelNames: ['outcome'],
    zeros: ['granted', 'refused', 'failed'].map((outcome) => ({ outcome })),
  },

  // Stores
  storeBytes: {
    name: 'paniq_documents_store_bytes_total',
    help: 'Bytes that the service wrote to and read from a store.',
    labelNames: ['store', 'direction'],
    zeros: measuredStores.flatMap((store) => ['read', 'written'].map((direction) => ({ store, direction }))),
  },
  damagedVersions: {
    name: 'paniq_documents_damaged_versions_total',
    help: 'Versions of documents whose file was found missing or corrupt (wrong), each once.',
    labelNames: ['state'],
    zeros: [{ state: 'missing' }, { state: 'wrong' }],
  },
  verifiedBytes: {
    name: 'paniq_documents_verified_bytes_total',
    help: 'Bytes of documents read to verify them.',
  },
  s3Outages: {
    name: 'paniq_documents_s3_outages_total',
    help: 'Times that the service stopped using S3, by reason.',
    labelNames: ['reason'],
  },
  s3Recoveries: {
    name: 'paniq_documents_s3_recoveries_total',
    help: 'Times that the service used S3 again after an outage.',
  },

  // Scans
  scans: {
    name: 'paniq_documents_scans_total',
    help: 'Verdicts of the virus scanner on uploads (upload), stored files without a verdict (waiting) and clean files (again).',
    labelNames: ['occasion', 'verdict'],
    zeros: occasions.flatMap((occasion) => verdicts.map((verdict) => ({ occasion, verdict }))),
  },
  scansUndecided: {
    name: 'paniq_documents_scans_undecided_total',
    help: 'Scans without a verdict, by reason.',
    labelNames: ['reason'],
  },

  // Background work
  moves: {
    name: 'paniq_documents_moves_total',
    help: 'Moves of files between stores by this instance, by outcome.',
    labelNames: ['to', 'outcome'],
    zeros: measuredStores.flatMap((to) => ['moved', 'failed'].map((outcome) => ({ to, outcome }))),
  },
  movedBytes: {
    name: 'paniq_documents_moved_bytes_total',
    help: 'Bytes of the moved files.',
    labelNames: ['to'],
    zeros: measuredStores.map((to) => ({ to })),
  },
  movesResumed: {
    name: 'paniq_documents_moves_resumed_total',
    help: 'Moves that this instance resumed after another process died.',
  },
  failedRemovals: {
    name: 'paniq_documents_failed_removals_total',
    help: 'Failed attempts of this instance to remove a file; each is repeated.',
  },
  purgedDocuments: {
    name: 'paniq_documents_purged_documents_total',
    help: 'Documents that this instance destroyed after their time in the trash.',
  },

  // The database
  databaseFailures: {
    name: 'paniq_documents_database_failures_total',
    help: 'Database failures: no connection (connect), no response (unanswered), or a timeout behind a lock or a slow statement (too_late).',
    labelNames: ['kind'],
    zeros: [{ kind: 'connect' }, { kind: 'unanswered' }, { kind: 'too_late' }],
  },
} as const

/** Upper bounds in seconds of times that a person waits for: from a row in memory to a client's timeout. */
const responseSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const scanSeconds = [0.01, 0.05, 0.25, 1, 5, 15, 60, 180]
const statementSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30]
const workSeconds = [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 21_600]

/** Distributions of times and sizes. */
export const histograms = {
  // Requests and uploads
  httpRequests: {
    name: 'paniq_documents_http_request_duration_seconds',
    help: 'Time from a request to the end of its response, by route pattern.',
    labelNames: ['route', 'method', 'status_class'],
    buckets: responseSeconds,
  },
  uploadSizes,

  // Stores
  storeOperations: {
    name: 'paniq_documents_store_operation_duration_seconds',
    help: 'Duration of an operation on a store; of a read, the time to its first bytes.',
    labelNames: ['store', 'operation', 'outcome'],
    buckets: responseSeconds,
  },
  s3Operations: {
    name: 'paniq_documents_s3_operation_duration_seconds',
    help: 'Duration of one call to S3 with its retries.',
    labelNames: ['operation', 'outcome'],
    buckets: responseSeconds,
  },

  // Scans
  scanSeconds: {
    name: 'paniq_documents_scan_duration_seconds',
    help: 'Time from the first byte sent to the scanner to its verdict; of a large upload it includes the time to receive it.',
    labelNames: ['verdict'],
    buckets: scanSeconds,
  },

  // Background work
  jobSeconds: {
    name: 'paniq_documents_job_duration_seconds',
    help: 'Duration of one attempt at a job, or of one run of a task for a disk, by outcome.',
    labelNames: ['task', 'outcome'],
    buckets: workSeconds,
  },

  // The database
  databaseStatements: {
    name: 'paniq_documents_database_statement_duration_seconds',
    help: 'Duration of one statement, from its sending to the end of its response.',
    buckets: statementSeconds,
  },
  databaseWaits: {
    name: 'paniq_documents_database_connection_wait_seconds',
    help: 'Time until the pool returned a connection.',
    buckets: statementSeconds,
  },
} as const
