import { traced } from '../logging/spans.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { StoreName } from '../vocabulary/vocabulary.ts'
import { type FileStore, StoreError } from './file-store.ts'

/** Wraps a store so that the duration and outcome of each operation are measured. */
export function measureStore<Store extends FileStore>(store: Store, metrics: Pick<Metrics, 'storeOperations'>): Store {
  const measure = measuring(store.name, metrics)
  return {
    ...store,
    write: (key, file) => measure('write', () => store.write(key, file)),
    read: (key, range) => measure('read', () => store.read(key, range)),
    stat: (key) => measure('stat', () => store.stat(key)),
    remove: (key) => measure('remove', () => store.remove(key)),
  } satisfies Store
}

function measuring(store: StoreName, metrics: Pick<Metrics, 'storeOperations'>) {
  return async <Result>(operation: string, work: () => Promise<Result>): Promise<Result> => {
    const startedAt = performance.now()
    let outcome = 'ok'
    try {
      return await traced(`${store} ${operation}`, work)
    } catch (error) {
      // Any other error concerns the file or the client: too large, wrong type, disconnected.
      outcome = error instanceof StoreError ? error.code : 'refused'
      throw error
    } finally {
      metrics.storeOperations.observe({ store, operation, outcome }, (performance.now() - startedAt) / 1000)
    }
  }
}
