import type { BlobLocation } from '../../database/documents/blob-location.ts'
import { AppError } from '../../errors/app-error.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import type { LocalStore } from '../../storage/local/local-store.ts'
import type { StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'

/** The stores that this instance can reach, and where the operator wants new files. */
export type Stores = {
  s3: GuardedS3 | undefined
  local: LocalStore
  preferred: 's3' | 'local'
  /** Whether a file that S3 does not take just now may wait on the local disk. */
  fallback: 'local' | 'off'
}

/** `s3`: new files go to S3. `local`: by choice. `fallback`: local while S3 is out. `none`: nowhere, and uploads are refused. */
export type UploadTarget = 's3' | 'local' | 'fallback' | 'none'

export function chooseTarget({ s3, preferred, fallback }: Stores): UploadTarget {
  if (preferred === 'local') return 'local'
  if (s3 !== undefined && s3.outage() === undefined) return 's3'
  return fallback === 'local' ? 'fallback' : 'none'
}

/** The store that holds these bytes. Throws `store_unavailable` when they lie on another instance's disk or S3 is not set up here. */
export function requireStore(stores: Stores, place: BlobLocation): FileStore {
  const store = findStore(stores, place)
  if (store !== undefined) return store
  throw new AppError(
    'store_unavailable',
    place.store === 's3'
      ? 'This paper lies in S3, which this service is not set up for. Tell the operator.'
      : 'This paper waits on the disk of another instance until it is moved to S3. Try again in a minute.',
    { retryAfterSeconds: 30 },
  )
}

/** Throws `store_unavailable` when new files have nowhere to go, before anybody sends one in vain. */
export function assertStoreAvailable(stores: Stores): void {
  if (chooseTarget(stores) === 'none') throw storeUnavailable()
}

/** The place that a target means for a new key. Throws `store_unavailable` when there is none. */
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

export function storeUnavailable(cause?: unknown): AppError {
  return new AppError(
    'store_unavailable',
    'The store of files cannot be reached just now. Nothing was lost; try again in a minute.',
    { retryAfterSeconds: 30, cause },
  )
}

/** A store's failure as the answer that a person gets. */
export function toAppError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  switch (error.code) {
    case 'unavailable':
      return storeUnavailable(error)
    case 'bytes_missing':
      return new AppError('gone', 'The bytes of this file are not where they should be. The operator has been told.', {
        cause: error,
      })
    case 'range_not_satisfiable':
      return new AppError('range_not_satisfiable', 'The file ends before the asked range begins.', { cause: error })
    // Our own mistakes: asking again will not help.
    case 'misused':
    case 'key_taken':
    case 'invalid_key':
      return error
  }
}

export type ReachableStore =
  | { store: 's3'; storeId: null; files: GuardedS3 }
  | { store: 'local'; storeId: StoreId; files: LocalStore }

export function reachableStores({ s3, local }: Stores): ReachableStore[] {
  const disk: ReachableStore = { store: 'local', storeId: local.storeId, files: local }
  return s3 === undefined ? [disk] : [disk, { store: 's3', storeId: null, files: s3 }]
}

/** Undefined when these bytes lie elsewhere. Rows of the platform's name no disk: they are tried on the one at hand. */
export function findStore(
  stores: Stores,
  { store, storeId }: Pick<BlobLocation, 'store' | 'storeId'>,
): FileStore | undefined {
  if (store === 's3') return stores.s3
  return storeId === null || storeId === stores.local.storeId ? stores.local : undefined
}

export function storeLabel({ store }: Pick<ReachableStore, 'store'>): string {
  return store === 's3' ? 'S3' : 'the local disk'
}
