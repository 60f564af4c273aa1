import type { S3Limits } from '../../../src/storage/s3/guard-s3.ts'
import type { LocalDiskTimes } from '../../../src/worker/local-disk-tasks.ts'

// An outage ends in a moment instead of up to half a minute. Everything else is as in production.
export const impatience = {
  breakerTimes: { minPauseMs: 40, maxPauseMs: 80, stableMs: 1000, stalledMs: 5000 },
} as const satisfies S3Limits

export const tendTimes = {
  drainEveryMs: 300,
  collectEveryMs: 2000,
  scanEveryMs: 400,
  finishEveryMs: 300,
} as const satisfies LocalDiskTimes

/** How long `verify` waits for an S3 that is down. */
export const verifyPatienceMs = 300
