import type { Place } from '../database/places.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { GuardedS3 } from '../storage/guard-s3.ts'
import type { LocalStore } from '../storage/local-store.ts'
import type { StoreId } from '../vocabulary.ts'
import { type Stores, storeUnavailable } from './stores.ts'

/** A store that this instance can look into. */
export type StoreHere =
  | { store: 's3'; storeId: null; files: GuardedS3 }
  | { store: 'local'; storeId: StoreId; files: LocalStore }

export function storesHere({ s3, local }: Stores): StoreHere[] {
  const disk: StoreHere = { store: 'local', storeId: local.storeId, files: local }
  return s3 === undefined ? [disk] : [disk, { store: 's3', storeId: null, files: s3 }]
}

/** Undefined when these bytes lie elsewhere. Rows of the platform's name no disk: they are tried on the one at hand. */
export function filesAt(stores: Stores, { store, storeId }: Pick<Place, 'store' | 'storeId'>): FileStore | undefined {
  if (store === 's3') return stores.s3
  return storeId === null || storeId === stores.local.storeId ? stores.local : undefined
}

/** Of these bytes; throws `store_unavailable` when they lie elsewhere. */
export function filesHere(stores: Stores, { store, storeId }: Pick<Place, 'store' | 'storeId'>): StoreHere['files'] {
  const here = storesHere(stores).find((each) => each.store === store && each.storeId === storeId)
  if (here === undefined) throw storeUnavailable()
  return here.files
}

export function nameOf({ store }: Pick<StoreHere, 'store'>): string {
  return store === 's3' ? 'S3' : 'the local disk'
}
