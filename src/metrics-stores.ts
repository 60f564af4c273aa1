import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import { answerSeconds } from './metrics-buckets.ts'
import { fromZero } from './metrics-from-zero.ts'

/** The stores there can be; a label of many figures. */
export const measuredStores = ['s3', 'local']

/** How the stores of bytes do. */
export function makeStoreMetrics(registers: Registry[]) {
  return {
    ...makeOperations(registers),
    ...makeFoundBytes(registers),
    ...makeOutages(registers),
    ...makeDisks(registers),
    ...makeFallback(registers),
  }
}

function makeOperations(registers: Registry[]) {
  return {
    storeOperations: new Histogram({
      name: 'store_operation_duration_seconds',
      help: 'Time of what is asked of a store, until it is done; of a read until its first bytes can be had.',
      labelNames: ['store', 'operation', 'outcome'] as const,
      buckets: answerSeconds,
      registers,
    }),
    storeBytes: fromZero(
      new Counter({
        name: 'store_bytes_total',
        help: 'Bytes that were written to a store, and read from it by the service itself.',
        labelNames: ['store', 'direction'] as const,
        registers,
      }),
      measuredStores.flatMap((store) => ['read', 'written'].map((direction) => ({ store, direction }))),
    ),
    s3Operations: new Histogram({
      name: 's3_operation_duration_seconds',
      help: 'Time of one call to S3 with its retries.',
      labelNames: ['operation', 'outcome'] as const,
      buckets: answerSeconds,
      registers,
    }),
  }
}

function makeFoundBytes(registers: Registry[]) {
  return {
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
  }
}

/** Whether S3 is used: the state of the breaker before it, and how often that changed. */
function makeOutages(registers: Registry[]) {
  return {
    s3Available: new Gauge({
      name: 's3_available',
      help: '1 while S3 is used, 0 while it is left alone since it failed or has no credentials; absent where it is not set up.',
      registers,
    }),
    s3Outages: new Counter({
      name: 's3_outages_total',
      help: 'How often S3 was left alone from then on, by why.',
      labelNames: ['reason'] as const,
      registers,
    }),
    s3Returns: new Counter({
      name: 's3_returns_total',
      help: 'How often S3 was used again after it had been left alone.',
      registers,
    }),
  }
}

function makeDisks(registers: Registry[]) {
  return {
    diskFree: new Gauge({
      name: 'disk_free_bytes',
      help: 'Room that the service may still use where a folder of its lies (uploads: UPLOADS_DIR, data: DATA_DIR); absent when the disk does not answer.',
      labelNames: ['folder'] as const,
      registers,
    }),
    diskSize: new Gauge({
      name: 'disk_size_bytes',
      help: 'Size of the disk on which a folder of the service lies.',
      labelNames: ['folder'] as const,
      registers,
    }),
  }
}

function makeFallback(registers: Registry[]) {
  return {
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
