import type { VerifyNeeds } from '../../src/documents/verifying/plan-verification.ts'
import type { GuardedS3 } from '../../src/storage/s3/guard-s3.ts'
import type { LocalStore } from '../../src/storage/local/local-store.ts'
import type { StorageKey } from '../../src/vocabulary/vocabulary.ts'

type AnyStore = GuardedS3 | LocalStore
type Change = <Store extends AnyStore>(store: Store) => Store

function withStores(needs: VerifyNeeds, change: Change): VerifyNeeds {
  const { s3, local } = needs.stores
  return { ...needs, stores: { ...needs.stores, s3: s3 && change(s3), local: change(local) } }
}

/** The same needs, with an action before each read. */
export function beforeReads(needs: VerifyNeeds, before: () => Promise<void>): VerifyNeeds {
  return withStores(needs, (store) => ({
    ...store,
    read: async (key, range) => before().then(() => store.read(key, range)),
  }))
}

/** The same needs, with a replaced copy into quarantine. */
export function aroundCopies(needs: VerifyNeeds, around: (copy: () => Promise<void>) => Promise<void>): VerifyNeeds {
  return withStores(needs, (store) => ({
    ...store,
    quarantine: { ...store.quarantine, copy: (from, to) => around(() => store.quarantine.copy(from, to)) },
  }))
}

/** The same needs, with a replaced removal. */
export function aroundRemovals(
  needs: VerifyNeeds,
  around: (key: StorageKey, remove: () => Promise<void>) => Promise<void>,
): VerifyNeeds {
  return withStores(needs, (store) => ({
    ...store,
    async remove(key) {
      await around(key, async () => void (await store.remove(key)))
      return 'destroyed'
    },
  }))
}
