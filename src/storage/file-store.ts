import type { Readable } from 'node:stream'

import type {
  DocumentId,
  FirmId,
  QuarantineKey,
  Sha256,
  StorageKey,
  StoreId,
  StoreName,
} from '../vocabulary/vocabulary.ts'

/** The stores of documents. `test/storage/` proves each line of every store. Failures are `StoreError`s. */
export interface FileStore {
  readonly name: StoreName
  /**
   * All or nothing, never a part of a file. When it resolves the bytes are durable; `key_taken` when the key exists, and
   * what lies there is untouched. A refused `accepted` or an aborted signal is thrown as the reason it was given, and
   * nothing is left; an abort that comes after the last byte was sent comes too late, and the write resolves. Only when
   * the store stopped answering may the whole file lie there unseen: whoever wrote it and got an error removes the key.
   */
  write(key: StorageKey, file: IncomingFile): Promise<StoredFile>
  /** `bytes_missing` when it does not exist, `range_not_satisfiable` when the range begins past its end. Whoever does not read to the end destroys the stream. */
  read(key: StorageKey, range?: ByteRange): Promise<Readable>
  /** `undefined`: absent. Throws: could not ask. */
  stat(key: StorageKey): Promise<FileStat | undefined>
  /** Removing an absent key succeeds. */
  remove(key: StorageKey): Promise<Removed>
  /** The files whose key begins with the prefix, in no promised order, a page at a time; what is no file of ours is passed over. */
  list(prefix: string): AsyncIterable<FileStat>
  signDownload(key: StorageKey, link: LinkOptions & LinkedFile): Promise<DownloadLink>
}

/** `hidden`: nobody reads it any more, and the store keeps it as an old version, as a versioned bucket does. */
export type Removed = 'destroyed' | 'hidden'

/** A file on its way in, its first bytes already known to be of an allowed type. */
export type IncomingFile = {
  contentType: string
  labels: FileLabels
  content: BufferedContent | SpooledContent
  signal?: AbortSignal
}

/** What travels with the bytes, so that an object found alone can be told whose it is. */
export type FileLabels = { originalFileName: string; documentType: string; firmId: FirmId; documentId: DocumentId }

/** Up to 16 MiB: complete, hashed and scanned before the store sees it. */
export type BufferedContent = { kind: 'memory'; bytes: Buffer; sha256: Sha256 }

/** Above: a file that still grows while the store reads it. */
export type SpooledContent = {
  kind: 'spool'
  path: string
  /** Resolves with the number of bytes that can be read from `path`, once that is at least `bytes` or all there is; rejects as `accepted` does. */
  available(bytes: number): Promise<number>
  /** Size, hash and every check of the whole; rejects when the file is refused or the client went away. A store completes nothing before it resolves. */
  accepted: Promise<{ size: number; sha256: Sha256 }>
}

/** `etag` is without quotes; it and the version id are there when the store has such. */
export type StoredFile = { size: number; sha256: Sha256; etag?: string; objectVersionId?: string }

/** Bytes `start` to `end`, both included, counted from 0; without `end` to the last one. */
export type ByteRange = { start: number; end?: number }

export type FileStat = {
  key: StorageKey
  size: number
  modifiedAt: Date
  etag?: string
  contentType?: string
  sha256?: Sha256
}

export type LinkOptions = {
  fileName: string
  contentType: string
  disposition: 'attachment' | 'inline'
  seconds: number
}

/** What the file's row says of it: who opens a local link has no row to look at. `storeId`: null when it names no disk. */
export type LinkedFile = { fileSize: number; storeId: StoreId | null }

export type DownloadLink = { url: string; expiresAt: Date }

/** Told of multipart uploads by a store, since the service's own rights may not list them. */
export type MultipartRecorder = {
  opened(key: StorageKey, multipartId: string): Promise<void>
  closed(key: StorageKey, multipartId: string): Promise<void>
}

/** `unavailable`: the store could not be asked, or refuses for a reason that may pass or be mended. `misused`: our own mistake; it would never take this, and asking again will not help. */
export type StoreErrorCode =
  | 'key_taken'
  | 'bytes_missing'
  | 'range_not_satisfiable'
  | 'invalid_key'
  | 'unavailable'
  | 'misused'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** A place apart inside a store: what is put there can be looked at by this alone, and no link leads to it. */
export type Quarantine = {
  /** Puts a copy of one of the store's own files there, whole or not at all. `key_taken` when something lies there, `bytes_missing` when the file is gone. */
  copy(from: StorageKey, to: QuarantineKey): Promise<void>
  /** `bytes_missing` when it does not exist. */
  read(key: QuarantineKey): Promise<Readable>
  /** Removing an absent key succeeds. */
  remove(key: QuarantineKey): Promise<Removed>
}

/** Whether a store answered that it has no such file. */
export function isMissing(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'bytes_missing'
}

/** What the promise resolves to; undefined when a store has no such file. */
export async function unlessMissing<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
