import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import { answerSeconds } from './metrics-buckets.ts'
import { fromZero } from './metrics-from-zero.ts'
import { measuredStores } from './metrics-stores.ts'

const kibibyte = 1024
const uploadSizes = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576].map((size) => size * kibibyte)

/** What people ask for, and how it ends. */
export function makeRequestMetrics(registers: Registry[]) {
  return {
    ...makeAnswers(registers),
    ...makeDoor(registers),
    ...makeUploads(registers),
    ...makeUploadLevels(registers),
  }
}

function makeAnswers(registers: Registry[]) {
  return {
    httpRequests: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer, by route pattern.',
      labelNames: ['route', 'method', 'status_class'] as const,
      buckets: answerSeconds,
      registers,
    }),
    requestsUnderWay: new Gauge({
      name: 'http_requests_under_way',
      help: 'Requests that came and are not yet answered to the end.',
      registers,
    }),
    refusals: new Counter({
      name: 'refusals_total',
      help: 'Answers that say why not, by route pattern and the code that stands in them.',
      labelNames: ['route', 'method', 'code'] as const,
      registers,
    }),
    downloads: fromZero(
      new Counter({
        name: 'downloads_total',
        help: 'Downloads that were granted: a link to S3, or a file or link of the local store.',
        labelNames: ['store'] as const,
        registers,
      }),
      measuredStores.map((store) => ({ store })),
    ),
  }
}

/** Who comes in. */
function makeDoor(registers: Registry[]) {
  return {
    failedLogins: new Counter({
      name: 'logins_failed_total',
      help: 'Refused logins: a wrong password, an unknown or locked account, too many attempts.',
      registers,
    }),
    providerKeyQuestions: fromZero(
      new Counter({
        name: 'provider_key_questions_total',
        help: 'Questions to the OpenID provider for its keys, by how they ended.',
        labelNames: ['outcome'] as const,
        registers,
      }),
      [{ outcome: 'ok' }, { outcome: 'failed' }],
    ),
  }
}

function makeUploads(registers: Registry[]) {
  return {
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
  }
}

function makeUploadLevels(registers: Registry[]) {
  return {
    uploadMemory: new Gauge({
      name: 'upload_memory_bytes',
      help: 'Memory for uploads: held by them (used), and the most there is (limit).',
      labelNames: ['kind'] as const,
      registers,
    }),
    uploadsWaiting: new Gauge({
      name: 'uploads_waiting',
      help: 'Uploads that wait for others to give memory back.',
      registers,
    }),
    spoolBytes: new Gauge({
      name: 'spool_bytes',
      help: 'Bytes of files on their way that lie in DATA_DIR: large ones, and small ones that there was no memory for when they began.',
      registers,
    }),
  }
}
