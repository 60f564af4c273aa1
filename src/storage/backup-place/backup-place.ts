import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { StoreError } from '../file-store.ts'
import { handOn } from '../streams/forward-stream.ts'
import { localFailure } from '../local/local-errors.ts'
import { S3Error } from '../s3/requests/s3-operation.ts'

/** What is written: out of memory, or from a file on this disk. Its hash is known. `onPiece` hears that it comes further. */
export type PlaceContent =
  | { bytes: Buffer; sha256: Sha256 }
  | { path: string; size: number; sha256: Sha256; onPiece?: () => void }

/** Where backups are stored: a folder, or a prefix of a bucket. Throws `StoreError`s; `PlaceFailure` when it cannot serve. */
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
   * Renames a file if `mayGo` agrees: right bytes may have replaced it since it was read, and these stay. Replaces `aside`.
   * False: it stays, or was replaced. `bytes_missing` when it does not exist.
   */
  putAside(name: string, aside: string, mayGo: () => Promise<boolean>): Promise<boolean>
  close(): void
}

/** The same place; each call goes through `around`, which may repeat it or translate its failure. */
export function wrapPlace(
  place: BackupPlace,
  around: <Result>(call: () => Promise<Result>) => Promise<Result>,
): BackupPlace {
  return {
    shown: place.shown,
    write: async (name, content) => around(async () => place.write(name, content)),
    read: async (name) => around(async () => place.read(name)),
    sizeOf: async (name) => around(async () => place.sizeOf(name)),
    list: async (folder) => around(async () => place.list(folder)),
    remove: async (name) => around(async () => place.remove(name)),
    putAside: async (name, aside, mayGo) => around(async () => place.putAside(name, aside, mayGo)),
    close: () => place.close(),
  }
}

/** The place where backups are kept cannot serve; its cause is what the disk, or S3, said. */
export class PlaceFailure extends StoreError {
  override readonly cause: StoreError
  /** As it was asked for. */
  readonly place: string
  /** Of deploy/policies: the one that gives all rights that this work takes there. */
  readonly policy: string | undefined

  constructor(cause: StoreError, place: string, policy?: string) {
    super('unavailable', cause.message)
    this.cause = cause
    this.place = place
    this.policy = policy
  }
}

/** Failures name the place, also in the middle of a file. `policy`: as a `PlaceFailure` has it. */
export function namedPlace(place: BackupPlace, policy?: string): BackupPlace {
  const named = (error: unknown) => nameFailure(error, place.shown, policy)
  const wrapped = wrapPlace(place, async (call) => {
    try {
      return await call()
    } catch (error) {
      throw named(error)
    }
  })
  return { ...wrapped, read: async (name) => handOn(await wrapped.read(name), named) }
}

function nameFailure(error: unknown, place: string, policy: string | undefined): unknown {
  // What is a store's failure already, and not S3's, is that of the disk which the bytes came from.
  if (error instanceof StoreError && !(error instanceof S3Error)) return error
  const failure = localFailure(error)
  return failure instanceof StoreError && failure.code === 'unavailable'
    ? new PlaceFailure(failure, place, policy)
    : failure
}

/** The same pieces; whoever waits hears of each that is taken. */
export async function* tellOfPieces(
  pieces: AsyncIterable<Uint8Array>,
  onPiece: () => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    onPiece()
    yield piece
  }
}
