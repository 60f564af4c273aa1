import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary.ts'

/** What is written: out of memory, or from a file on this disk. Its hash is known. `onPiece` hears that it comes further. */
export type PlaceContent =
  | { bytes: Buffer; sha256: Sha256 }
  | { path: string; size: number; sha256: Sha256; onPiece?: () => void }

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
  /**
   * Gives a file another name, if `mayGo` says so of what lies by that name then: since it was looked at, right bytes may have
   * come in its place, and these stay. Whatever was there by the other name is replaced. False: it stays, or was replaced.
   * `bytes_missing` when it is not there.
   */
  putAside(name: string, aside: string, mayGo: () => Promise<boolean>): Promise<boolean>
  close(): void
}
