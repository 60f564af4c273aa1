import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary.ts'

/** What is written: out of memory, or from a file on this disk. Its hash is known. */
export type PlaceContent = { bytes: Buffer; sha256: Sha256 } | { path: string; size: number; sha256: Sha256 }

/**
 * Where backups are kept: a folder, or a part of a bucket. Names are paths below it. Failures are `StoreError`s, as those
 * of a store of documents are; that it cannot serve is a `PlaceFailure`.
 */
export type BackupPlace = {
  /** As it was asked for. */
  shown: string
  /** Whole and durable, or not there; whatever was there by this name is replaced. */
  write(name: string, content: PlaceContent): Promise<void>
  /** `bytes_missing` when it is not there. */
  read(name: string): Promise<Readable>
  /** Undefined when it is not there. */
  sizeOf(name: string): Promise<number | undefined>
  /** What stands directly below a name that ends with a slash, in order: files, and folders with a slash. */
  list(folder: string): Promise<string[]>
  /** A folder (a name that ends with a slash) and all below it, or a file; nothing when it is not there. */
  remove(name: string): Promise<void>
  /** Gives a file another name; whatever was there by that is replaced. `bytes_missing` when it is not there. */
  rename(from: string, to: string): Promise<void>
  close(): void
}
