import type { Readable } from 'node:stream'

import type {
  Caller,
  DocumentId,
  FirmId,
  QuarantineKey,
  Sha256,
  StorageKey,
  StoreName,
} from '../vocabulary/vocabulary.ts'

/** A store of documents. `test/storage/contract/` checks each promise for every store. Failures are `StoreError`s. */
export interface FileStore {
  readonly name: StoreName
  /**
   * Writes all of the file or nothing. When it resolves, the content is durable. Throws `key_taken` when the key exists,
   * and leaves the existing blob untouched. When `accepted` rejects or the signal aborts, it throws that reason and leaves
   * nothing. An abort after the last byte was sent is too late, and the write resolves. Only when the store stopped
   * answering may the whole blob exist after an error, so a caller that gets an error removes the key.
   */
  write(key: StorageKey, file: IncomingFile): Promise<StoredFile>
  /** Throws `bytes_missing` when the blob does not exist, `range_not_satisfiable` when the range begins past its end. A caller that stops early destroys the stream. */
  read(key: StorageKey, range?: ByteRange): Promise<Readable>
  /** Returns `undefined` when the blob does not exist. Throws when the store cannot answer. */
  stat(key: StorageKey): Promise<FileStat | undefined>
  /** Removing an absent key succeeds. */
  remove(key: StorageKey): Promise<Removed>
  /** Lists the blobs whose key begins with the prefix, page by page and in no particular order. Skips names that are not our keys. */
  list(prefix: string): AsyncIterable<FileStat>
  signDownload(key: StorageKey, link: LinkOptions & LinkedVersion): Promise<DownloadLink>
}

/** `hidden`: a versioned bucket keeps the blob as an old version that nobody can read by its key. */
export type Removed = 'destroyed' | 'hidden'

/** A file to be stored. Its first bytes are already known to have an allowed type. */
export type IncomingFile = {
  contentType: string
  labels: FileLabels
  content: BufferedContent | SpooledContent
  signal?: AbortSignal
}

/** Stored with the content, so that an orphaned object can be attributed to its firm. */
export type FileLabels = { originalFileName: string; documentType: string; firmId: FirmId; documentId: DocumentId }

/** A file of up to 16 MiB: complete, hashed and scanned before the store receives it. */
export type BufferedContent = { kind: 'memory'; bytes: Buffer; sha256: Sha256 }

/** A larger file, which still grows while the store reads it. */
export type SpooledContent = {
  kind: 'spool'
  path: string
  /** Resolves with the number of readable bytes in `path` once that is at least `bytes`, or the file is complete. Rejects as `accepted` does. */
  available(bytes: number): Promise<number>
  /** Resolves when all checks of the file passed. Rejects when the file is rejected or the client disconnects. A store completes nothing before it resolves. */
  accepted: Promise<{ size: number; sha256: Sha256 }>
}

/** `etag` has no quotes. It and the version id are set when the store has them. */
export type StoredFile = { size: number; sha256: Sha256; etag?: string; objectVersionId?: string }

/** Bytes `start` to `end`, both inclusive and counted from 0. Without `end`: to the last byte. */
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

/** Who was given a link. Their rights are judged again when a local link is used. */
export type LinkUser = Pick<Caller, 'userId' | 'sessionId' | 'apiKeyId'>

/** What a link opens, and for whom. Only local links contain it. */
export type LinkedVersion = { issuedTo: LinkUser; firmId: FirmId; documentId: DocumentId; version: number }

export type DownloadLink = { url: string; expiresAt: Date }

/** Records the multipart uploads of a store, because the service's credentials may not list them. */
export type MultipartRecorder = {
  opened(key: StorageKey, multipartId: string): Promise<void>
  closed(key: StorageKey, multipartId: string): Promise<void>
}

/** `unavailable`: the store did not answer, or failed for a reason that may pass or can be fixed. `misused`: a bug in our request; a retry will not help. */
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

/** A separate area of a store. No link leads to it, and only these functions read it. */
export type Quarantine = {
  /** Copies one of the store's blobs into quarantine, completely or not at all. Throws `key_taken` when the target exists, `bytes_missing` when the source does not. */
  copy(from: StorageKey, to: QuarantineKey): Promise<void>
  /** Throws `bytes_missing` when it does not exist. */
  read(key: QuarantineKey): Promise<Readable>
  /** Removing an absent key succeeds. */
  remove(key: QuarantineKey): Promise<Removed>
}

/** Whether a store answered that the blob does not exist. */
export function isMissing(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'bytes_missing'
}

/** The promise's value, or undefined when the blob does not exist. */
export async function unlessMissing<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
