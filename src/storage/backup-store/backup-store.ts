import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { StoreError } from '../file-store.ts'
import { forwardStream } from '../streams/forward-stream.ts'
import { toLocalError } from '../local/local-errors.ts'
import { S3Error } from '../s3/requests/s3-operation.ts'

/** What is written: out of memory, or from a file on this disk. Its hash is known. `onPiece` hears that it comes further. */
export type BackupContent =
  | { bytes: Buffer; sha256: Sha256 }
  | { path: string; size: number; sha256: Sha256; onPiece?: () => void }

/** Where backups are stored: a folder, or a prefix of a bucket. Throws `StoreError`s; `BackupStoreError` when it cannot serve. */
export type BackupStore = {
  /** As it was asked for. */
  address: string
  /** Whole and durable, or not there; whatever was there by this name is replaced. */
  write(name: string, content: BackupContent): Promise<void>
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
  moveAside(name: string, aside: string, mayGo: () => Promise<boolean>): Promise<boolean>
  close(): void
}

/** The same place; each call goes through `around`, which may repeat it or translate its failure. */
export function wrapBackupStore(
  backupStore: BackupStore,
  around: <Result>(call: () => Promise<Result>) => Promise<Result>,
): BackupStore {
  return {
    address: backupStore.address,
    write: async (name, content) => around(async () => backupStore.write(name, content)),
    read: async (name) => around(async () => backupStore.read(name)),
    sizeOf: async (name) => around(async () => backupStore.sizeOf(name)),
    list: async (folder) => around(async () => backupStore.list(folder)),
    remove: async (name) => around(async () => backupStore.remove(name)),
    moveAside: async (name, aside, mayGo) => around(async () => backupStore.moveAside(name, aside, mayGo)),
    close: () => backupStore.close(),
  }
}

/** The place where backups are kept cannot serve; its cause is what the disk, or S3, said. */
export class BackupStoreError extends StoreError {
  override readonly cause: StoreError
  /** As it was asked for. */
  readonly address: string
  /** Of deploy/policies: the one that gives all rights that this work takes there. */
  readonly policy: string | undefined

  constructor(cause: StoreError, backupStore: string, policy?: string) {
    super('unavailable', cause.message)
    this.cause = cause
    this.address = backupStore
    this.policy = policy
  }
}

/** Failures name the place, also in the middle of a file. `policy`: as a `BackupStoreError` has it. */
export function nameFailures(backupStore: BackupStore, policy?: string): BackupStore {
  const named = (error: unknown) => nameFailure(error, backupStore.address, policy)
  const wrapped = wrapBackupStore(backupStore, async (call) => {
    try {
      return await call()
    } catch (error) {
      throw named(error)
    }
  })
  return { ...wrapped, read: async (name) => forwardStream(await wrapped.read(name), named) }
}

function nameFailure(error: unknown, backupStore: string, policy: string | undefined): unknown {
  // What is a store's failure already, and not S3's, is that of the disk which the bytes came from.
  if (error instanceof StoreError && !(error instanceof S3Error)) return error
  const failure = toLocalError(error)
  return failure instanceof StoreError && failure.code === 'unavailable'
    ? new BackupStoreError(failure, backupStore, policy)
    : failure
}

/** The same pieces; whoever waits hears of each that is taken. */
export async function* notifyOnPiece(
  pieces: AsyncIterable<Uint8Array>,
  onPiece: () => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    onPiece()
    yield piece
  }
}
