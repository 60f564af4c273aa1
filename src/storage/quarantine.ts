import type { Readable } from 'node:stream'

import type { QuarantineKey, StorageKey } from '../vocabulary.ts'
import type { Removed } from './file-store.ts'

/** A place apart inside a store: what is put there can be looked at by this alone, and no link leads to it. */
export type Quarantine = {
  /** Puts a copy of one of the store's own files there, whole or not at all. `key_taken` when something lies there, `bytes_missing` when the file is gone. */
  take(from: StorageKey, to: QuarantineKey): Promise<void>
  /** `bytes_missing` when it does not exist. */
  read(key: QuarantineKey): Promise<Readable>
  /** Removing an absent key succeeds. */
  remove(key: QuarantineKey): Promise<Removed>
}
