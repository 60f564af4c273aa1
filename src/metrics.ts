import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof makeMetrics>

const answerSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const kibibyte = 1024
const uploadSizes = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576].map((size) => size * kibibyte)

/**
 * Everything that the service counts, in a registry of its own. Labels come from closed lists (a route's pattern, a
 * store's name, an outcome), never from what a person sent, so that their number stays small and nothing private is in them.
 */
export function makeMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  return { registry, ...makeCounts(registers), ...makeLevels(registers), ...makeFallbackLevels(registers) }
}

/** What happened since the process started. */
function makeCounts(registers: Registry[]) {
  return {
    httpRequests: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer, by route pattern.',
      labelNames: ['route', 'method', 'status_class'] as const,
      buckets: answerSeconds,
      registers,
    }),
    uploadBytes: new Counter({
      name: 'upload_bytes_total',
      help: 'Bytes of files handed to a store, by how that ended.',
      labelNames: ['store', 'outcome'] as const,
      registers,
    }),
    uploadSizes: new Histogram({
      name: 'upload_size_bytes',
      help: 'Sizes of the files handed to a store, by how that ended.',
      labelNames: ['store', 'outcome'] as const,
      buckets: uploadSizes,
      registers,
    }),
    uploadsWithoutS3: new Counter({
      name: 'uploads_without_s3_total',
      help: 'Uploads that S3 did not take though it should: kept on the local disk meanwhile (local) or refused (nowhere).',
      labelNames: ['reason', 'goes_to'] as const,
      registers,
    }),
    s3Operations: new Histogram({
      name: 's3_operation_duration_seconds',
      help: 'Time of one call to S3 with its retries.',
      labelNames: ['operation', 'outcome'] as const,
      buckets: answerSeconds,
      registers,
    }),
    wrongBytes: fromZero(
      new Counter({
        name: 'wrong_bytes_total',
        help: 'Versions of documents whose bytes were found missing or wrong, each once.',
        labelNames: ['state'] as const,
        registers,
      }),
      [{ state: 'missing' }, { state: 'wrong' }],
    ),
    verifiedBytes: new Counter({
      name: 'verified_bytes_total',
      help: 'Bytes of documents that were read to see whether they are still what was stored.',
      registers,
    }),
    failedLogins: new Counter({
      name: 'logins_failed_total',
      help: 'Refused logins: a wrong password, an unknown or locked account, too many attempts.',
      registers,
    }),
  }
}

/** Shown before anything was counted: a figure that first appears as 1 has not risen, and wakes nobody. */
function fromZero<Label extends string>(counter: Counter<Label>, all: Partial<Record<Label, string>>[]) {
  for (const labels of all) counter.inc(labels, 0)
  return counter
}

/** How much of something there is when somebody looks. */
function makeLevels(registers: Registry[]) {
  return {
    databaseUp: new Gauge({
      name: 'database_up',
      help: '1 when the database answered the last look, else 0; the counts of its rows are then missing.',
      registers,
    }),
    databaseConnections: new Gauge({
      name: 'database_connections',
      help: 'Connections of the pool (in_use, idle), and requests that wait for one (waiting).',
      labelNames: ['state'] as const,
      registers,
    }),
    uploadMemory: new Gauge({
      name: 'upload_memory_bytes',
      help: 'Memory for uploads: held by them (used), and the most there is (limit).',
      labelNames: ['kind'] as const,
      registers,
    }),
    verifiedAt: new Gauge({
      name: 'verify_last_finished_timestamp_seconds',
      help: 'When a verification last came to its end, whoever ran it; absent before the first.',
      registers,
    }),
    verifyFindings: new Gauge({
      name: 'verify_findings',
      help: 'What the last verification found and did not set right, by kind.',
      labelNames: ['kind'] as const,
      registers,
    }),
    openUploads: new Gauge({
      name: 'open_uploads',
      help: 'Uploads under way, and those whose end is not known, over all instances; counted up to 10000.',
      registers,
    }),
    eventsWithoutMonth: new Gauge({
      name: 'document_events_default_rows',
      help: 'Audit events without a month of their own; anything but 0 wants looking at. Counted up to 10000.',
      registers,
    }),
    jobs: new Gauge({
      name: 'jobs',
      help: 'Jobs that wait (created, retry), run (active) or failed for good (failed), by queue.',
      labelNames: ['queue', 'state'] as const,
      registers,
    }),
  }
}

/** Whether S3 is used, and what waits for it. */
function makeFallbackLevels(registers: Registry[]) {
  return {
    s3Available: new Gauge({
      name: 's3_available',
      help: '1 while S3 is used, 0 while it is left alone since it failed or has no credentials; absent where it is not set up.',
      registers,
    }),
    fallbackFiles: new Gauge({
      name: 'fallback_files',
      help: 'Files that wait on local disks for S3 to be back, over all instances; counted up to 10000.',
      registers,
    }),
    fallbackOldest: new Gauge({
      name: 'fallback_oldest_seconds',
      help: 'Age of the oldest file that waits on a local disk for S3; 0 when none does.',
      registers,
    }),
  }
}
