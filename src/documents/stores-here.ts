import type { GuardedS3 } from '../storage/guard-s3.ts'
import type { LocalStore } from '../storage/local-store.ts'
import type { StoreId } from '../vocabulary.ts'
import type { Stores } from './stores.ts'

/** A store that this instance can look into. */
export type StoreHere =
  | { store: 's3'; storeId: null; files: GuardedS3 }
  | { store: 'local'; storeId: StoreId; files: LocalStore }

export function storesHere({ s3, local }: Stores): StoreHere[] {
  const disk: StoreHere = { store: 'local', storeId: local.storeId, files: local }
  return s3 === undefined ? [disk] : [disk, { store: 's3', storeId: null, files: s3 }]
}

export function nameOf({ store }: Pick<StoreHere, 'store'>): string {
  return store === 's3' ? 'S3' : 'the local disk'
}
