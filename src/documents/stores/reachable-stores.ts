import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import { AppError } from '../../errors/app-error.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import type { LocalStore } from '../../storage/local/local-store.ts'
import type { StoreId } from '../../vocabulary/vocabulary.ts'

/** The stores that this instance reaches, and the operator's choice for new files. */
export type Stores = {
  s3: GuardedS3 | undefined
  local: LocalStore
  preferred: 's3' | 'local'
  /** Whether the local store takes new files while S3 is out. */
  fallback: 'local' | 'off'
}

/** The store with this blob. Throws `store_unavailable` if the blob is on another instance's disk, or if S3 is not set up here. */
export function requireStore(stores: Stores, location: Pick<BlobLocation, 'store' | 'storeId'>): FileStore {
  const store = findStore(stores, location)
  if (store !== undefined) return store
  throw new AppError(
    'store_unavailable',
    location.store === 's3'
      ? 'This document is on S3, which is not set up for this service. Contact the operator.'
      : 'This document is on the disk of another instance until it moves to S3. Try again in a minute.',
    { retryAfterSeconds: 30 },
  )
}

/** Undefined for a store that this instance does not reach. The platform's rows name no disk: the local one is tried. */
export function findStore(
  stores: Stores,
  { store, storeId }: Pick<BlobLocation, 'store' | 'storeId'>,
): FileStore | undefined {
  if (store === 's3') return stores.s3
  return storeId === null || storeId === stores.local.storeId ? stores.local : undefined
}

export type ReachableStore =
  | { store: 's3'; storeId: null; files: GuardedS3 }
  | { store: 'local'; storeId: StoreId; files: LocalStore }

export function reachableStores({ s3, local }: Stores): ReachableStore[] {
  const disk: ReachableStore = { store: 'local', storeId: local.storeId, files: local }
  return s3 === undefined ? [disk] : [disk, { store: 's3', storeId: null, files: s3 }]
}

export function storeLabel({ store }: Pick<ReachableStore, 'store'>): string {
  return store === 's3' ? 'S3' : 'the local disk'
}

export function storeUnavailable(cause?: unknown): AppError {
  return new AppError(
    'store_unavailable',
    'The file store cannot be reached at the moment. No file was lost. Try again in a minute.',
    { retryAfterSeconds: 30, cause },
  )
}

/** Maps a store's failure to the error that a client gets. Other errors are returned as they are. */
export function toAppError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  switch (error.code) {
    case 'unavailable':
      return storeUnavailable(error)
    case 'bytes_missing':
      return new AppError('gone', 'The content of this file is missing. The operator has been notified.', {
        cause: error,
      })
    case 'range_not_satisfiable':
      return new AppError('range_not_satisfiable', 'The file ends before the requested range begins.', { cause: error })
    // Faults of this service: a retry does not help.
    case 'misused':
    case 'key_taken':
    case 'invalid_key':
      return error
  }
}
