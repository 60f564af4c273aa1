import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { StoreError } from '../file-store.ts'
import { forwardStream } from '../streams/forward-stream.ts'
import { toLocalError } from '../local/local-errors.ts'
import { S3Error } from '../s3/requests/s3-operation.ts'

/** Content in memory or in a local file, with its hash. `onPiece` is called for each chunk. */
export type BackupContent =
  | { bytes: Buffer; sha256: Sha256 }
  | { path: string; size: number; sha256: Sha256; onPiece?: () => void }

/** A folder, or a prefix in a bucket, that stores backups. Throws `StoreError`s; `BackupStoreError` when it is unavailable. */
export type BackupStore = {
  /** The path or URL that the operator named. */
  address: string
  /** Atomic and durable; replaces an existing file. */
  write(name: string, content: BackupContent): Promise<void>
  /** Throws `bytes_missing` if there is no such file. */
  read(name: string): Promise<Readable>
  /** Undefined if there is no such file. */
  sizeOf(name: string): Promise<number | undefined>
  /** The sorted names directly in a folder; names of folders end with a slash. */
  list(folder: string): Promise<string[]>
  /** Removes a file, or a folder (its name ends with a slash) with its content. Does nothing if it is missing. */
  remove(name: string): Promise<void>
  /**
   * Renames a file to `aside` if `isDamaged` confirms it: a correct file may have replaced it since it was read. Returns
   * false if the file keeps its name. Throws `bytes_missing` if it does not exist.
   */
  moveAside(name: string, aside: string, isDamaged: () => Promise<boolean>): Promise<boolean>
  close(): void
}

/** Passes each call through `around`, which may repeat it or translate its error. */
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
    moveAside: async (name, aside, isDamaged) => around(async () => backupStore.moveAside(name, aside, isDamaged)),
    close: () => backupStore.close(),
  }
}

/** The backup store is unavailable. `cause` is the error of the disk or of S3. */
export class BackupStoreError extends StoreError {
  override readonly cause: StoreError
  /** The path or URL that the operator named. */
  readonly address: string
  /** The policy in deploy/policies with the permissions that this command needs. */
  readonly policy: string | undefined

  constructor(cause: StoreError, backupStore: string, policy?: string) {
    super('unavailable', cause.message)
    this.cause = cause
    this.address = backupStore
    this.policy = policy
  }
}

/** Adds the address to all errors, also in the middle of a file. `policy`: as in `BackupStoreError`. */
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
  // A `StoreError` that is not an `S3Error` comes from the disk of the source.
  if (error instanceof StoreError && !(error instanceof S3Error)) return error
  const failure = toLocalError(error)
  return failure instanceof StoreError && failure.code === 'unavailable'
    ? new BackupStoreError(failure, backupStore, policy)
    : failure
}

/** Passes the chunks on and calls `onPiece` for each. */
export async function* notifyOnPiece(
  pieces: AsyncIterable<Uint8Array>,
  onPiece: () => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    onPiece()
    yield piece
  }
}
