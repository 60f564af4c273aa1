import type { Logger } from 'pino'

import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Outage } from '../../storage/s3/circuit-breaker.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { type Stores, storeUnavailable } from './reachable-stores.ts'

/**
 * Where a new file goes.
 * - `s3`: S3 is preferred and answers.
 * - `local`: the local store is preferred.
 * - `fallback`: S3 is preferred and out; the file waits in the local store and moves to S3 later.
 * - `none`: S3 is out and S3_FALLBACK is off; uploads are rejected.
 */
export type UploadTarget = 's3' | 'local' | 'fallback' | 'none'

/** Decides before an upload, by the last known state of S3. `fallsBack` decides again when S3 fails during one. */
export function chooseTarget({ s3, preferred, fallback }: Stores): UploadTarget {
  if (preferred === 'local') return 'local'
  if (s3 !== undefined && s3.outage() === undefined) return 's3'
  return fallback === 'local' ? 'fallback' : 'none'
}

/** Throws `store_unavailable` if no store accepts new files, so that a client gets the error before it sends one. */
export function assertStoreAvailable(stores: Stores): void {
  if (chooseTarget(stores) === 'none') throw storeUnavailable()
}

/** The location of a new key. Throws `store_unavailable` for the target `none`. */
export function locationFor(
  target: UploadTarget,
  { local }: Stores,
  key: StorageKey,
): BlobLocation & { isFallback: boolean } {
  switch (target) {
    case 's3':
      return { store: 's3', storeId: null, key, isFallback: false }
    case 'local':
    case 'fallback':
      return { store: 'local', storeId: local.storeId, key, isFallback: target === 'fallback' }
    case 'none':
      throw storeUnavailable()
  }
}

type FallbackNeeds = { stores: Stores; log: Logger; metrics: Pick<Metrics, 'uploadsWithoutS3'> }

/**
 * Whether an upload that failed with this error goes to the local store instead. Logs a failure of S3. A rejected file or a
 * client that went away is no failure of S3.
 */
export function fallsBack(
  needs: FallbackNeeds,
  { store, key }: Pick<BlobLocation, 'store' | 'key'>,
  error: unknown,
): boolean {
  if (store !== 's3' || !isS3Unavailable(error)) return false
  logS3Failure(needs, key, { ...error.failure, err: error })
  return needs.stores.fallback === 'local'
}

type Failure = Pick<Outage, 's3Code'> & { trouble: Outage['trouble'] | undefined; err?: unknown }

/** Logs and counts one upload that S3 did not accept, whether S3 was called or is known to be out. */
export function logS3Failure(
  { log, metrics, stores }: FallbackNeeds,
  key: StorageKey,
  { trouble, s3Code, err }: Failure,
): void {
  const reason = trouble ?? 'no_answer'
  const goesTo = stores.fallback === 'local' ? 'local' : 'nowhere'
  metrics.uploadsWithoutS3.inc({ reason, goes_to: goesTo })
  log.error(
    { event: 's3_upload_failed', key, reason, s3_code: s3Code, goes_to: goesTo, err },
    goesTo === 'local' ? 's3 upload failed, stored locally' : 's3 upload failed, rejected',
  )
}
