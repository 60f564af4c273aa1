import type { StorageKey } from '../vocabulary/vocabulary.ts'
import type { FileLabels, StoredFile } from './file-store.ts'

/**
 * Files that arrive over many requests, on this store. `test/storage/contract/growing-file.test.ts` checks each promise for
 * every store. The caller saves the state between two calls, and lets one request at a time append to a file. Failures
 * are `StoreError`s.
 */
export interface GrowingFiles {
  /** Begins a file under a new key. */
  begin(key: StorageKey, facts: GrowingFacts): Promise<GrowingFile>
  /**
   * Appends chunks behind the durable bytes and returns the new state. It passes every durable state to `record`. When the
   * chunks fail, all of them that arrived are durable and recorded before it throws their error.
   */
  append(file: GrowingFile, chunks: AsyncIterable<Buffer>, keeper: GrowthKeeper): Promise<GrowingFile>
  /** Makes a complete file readable under its key. A second call returns the same. */
  finish(file: GrowingFile): Promise<FinishedFile>
}

export type GrowingFacts = { contentType: string; labels: FileLabels; totalBytes: number }

/** The state of a file; `bytes`: its durable bytes. Only on S3 it has a multipart upload, parts, and a rest. */
export type GrowingFile = GrowingFacts & {
  key: StorageKey
  bytes: number
  multipartId: string | null
  parts: readonly GrowingPart[]
  /** Bytes behind the last part, too few for a part of their own, as an object. */
  rest: GrowingRest | null
}

/** `sha256`: its hash, where the store checks it. */
export type GrowingPart = { number: number; etag: string; bytes: number; sha256?: string }

export type GrowingRest = { key: StorageKey; bytes: number }

/** The caller's part of `append`. What it throws ends the call. */
export type GrowthKeeper = {
  /** Saves a state whose bytes are durable. The earlier rest is not needed any more. */
  record(file: GrowingFile): Promise<void>
  /** Saves and returns a new key, under which a rest is then written. */
  nameRest(file: GrowingFile): Promise<StorageKey>
}

/** The hash of the content is unknown. */
export type FinishedFile = Omit<StoredFile, 'sha256'>

/** Passes on every chunk. Returns the error with which the chunks broke off, if they did. Throws the errors of `take`. */
export async function takeChunks(
  chunks: AsyncIterable<Buffer>,
  take: (chunk: Buffer) => Promise<void>,
): Promise<{ reason: unknown } | undefined> {
  const source = chunks[Symbol.asyncIterator]()
  for (;;) {
    const next = await source.next().catch((reason: unknown) => ({ reason }))
    if ('reason' in next) return next
    if (next.done === true) return undefined
    await take(next.value)
  }
}
