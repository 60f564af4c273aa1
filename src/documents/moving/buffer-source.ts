import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

import { isAppError } from '../../errors/app-error.ts'
import type { ByteBudget } from '../../storage/streams/memory-budget.ts'
import {
  type FileStore,
  type BufferedContent,
  isMissing,
  type SpooledContent,
  StoreError,
} from '../../storage/file-store.ts'
import type { Spool } from '../../storage/spool/spool.ts'
import type { Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import { type Chunks, streamToSpool, bufferInMemory } from '../upload/read-upload.ts'
import { maxBytesInMemory } from '../upload/receive-file.ts'

export type BufferNeeds = { budget: ByteBudget; spool: Spool }

export type Source = {
  store: Pick<FileStore, 'read'>
  key: StorageKey
  /** What it must be. A row of the platform knows no hash: then the source's own is taken. */
  size: number
  sha256: Sha256 | null
  signal: AbortSignal
  /** How long to wait for room in memory; the budget's own patience when it is not said. */
  waitSeconds?: number
}

export type BufferedSource = {
  content: BufferedContent | SpooledContent
  /** To be called in every case. */
  release: () => Promise<void>
}

/** Reads a stored file so that it can be stored again: a small one into memory, a large one through the spool. */
export async function bufferSource(
  { budget, spool }: BufferNeeds,
  source: Source,
): Promise<BufferedSource | undefined> {
  const { size, signal, waitSeconds } = source
  try {
    if (size > maxBytesInMemory) return await bufferInSpool(spool, await source.store.read(source.key), source)
    // Memory first: S3 cuts a connection whose bytes nobody reads for a while, which looks like an outage.
    const giveBack = await budget.reserve(size, { signal, ...(waitSeconds !== undefined && { waitSeconds }) })
    return await bufferInMemory({ budget, giveBack }, exactly(size, readLater(source)), {
      mostBytes: size,
      ...hashOf(source),
    })
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function bufferInSpool(spool: Spool, stream: Readable, source: Source): Promise<BufferedSource> {
  const chunks = exactly(source.size, stream)
  try {
    return await streamToSpool(spool, chunks, { ...hashOf(source), stop: () => stream.destroy() })
  } catch (error) {
    stream.destroy()
    throw error
  }
}

function hashOf({ sha256 }: Source) {
  return { expectedSha256: sha256 ?? undefined }
}

/** Opens the source when its first bytes are asked for; closes it when the reader stops. */
async function* readLater({ store, key }: Source): Chunks {
  yield* (await store.read(key)) as AsyncIterable<Buffer> // a store yields buffers; the type of a stream cannot say so
}

/** Whether this was thrown, or refused, since the source is not what it must be. */
export function isSourceDamaged(error: unknown): boolean {
  return error instanceof SourceLengthDiffers || isAppError(error, 'validation_failed')
}

/** Reads a corrupt source a second time: one wrong answer must not block a document. Throws when it is right now. */
export async function recheckSource({ store, key, size, sha256, signal }: Source): Promise<'missing' | 'wrong'> {
  try {
    const found = await hashBlob(store, key, signal)
    if (found.size !== size || (sha256 !== null && found.sha256 !== sha256)) return 'wrong'
  } catch (error) {
    if (isMissing(error)) return 'missing'
    throw error
  }
  throw new StoreError('unavailable', 'The source was not right, and was when it was read a second time.')
}

class SourceLengthDiffers extends Error {
  override readonly name = 'SourceIsWrong'
}

/** The stream's bytes, when they are so many: one more or less is another file. */
async function* exactly(size: number, source: Readable | Chunks): Chunks {
  let seen = 0
  // A store yields buffers; the type of a stream cannot say so.
  for await (const chunk of source as AsyncIterable<Buffer>) {
    seen += chunk.length
    if (seen > size) break
    yield chunk
  }
  if (seen !== size) throw new SourceLengthDiffers('The source is not as long as its row says.')
}

/** What really lies in a store: reads every byte, holding none. Throws `bytes_missing`, or that the store could not be asked. */
export async function hashBlob<Key>(
  store: { read(key: Key): Promise<Readable> },
  key: Key,
  signal?: AbortSignal,
): Promise<{ size: number; sha256: Sha256 }> {
  signal?.throwIfAborted()
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of await store.read(key)) {
    signal?.throwIfAborted()
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') as Sha256 } // hex of a SHA-256 is what the brand says
}
