import { type FileStore, type IncomingFile, StoreError, type StoreErrorCode } from './file-store.ts'

export type WriteReport = {
  store: FileStore['name']
  /** `refused`: the file itself, or its client went away, while it was being written. */
  outcome: 'ok' | 'refused' | StoreErrorCode
  bytes: number
}

/** The same store, which tells how each write of it ended. */
export function measureWrites<Store extends FileStore>(store: Store, report: (write: WriteReport) => void): Store {
  return {
    ...store,
    async write(key, file) {
      try {
        const stored = await store.write(key, file)
        report({ store: store.name, outcome: 'ok', bytes: stored.size })
        return stored
      } catch (error) {
        const outcome = error instanceof StoreError ? error.code : 'refused'
        report({ store: store.name, outcome, bytes: knownBytes(file) })
        throw error
      }
    },
  }
}

function knownBytes({ content }: IncomingFile): number {
  return content.kind === 'memory' ? content.bytes.byteLength : 0
}
