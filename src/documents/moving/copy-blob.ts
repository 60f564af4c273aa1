import type { Readable } from 'node:stream'

import { isAppError } from '../../errors/app-error.ts'
import {
  type FileLabels,
  type FileStore,
  type BufferedContent,
  type SpooledContent,
  type StoredFile,
  StoreError,
  unlessMissing,
} from '../../storage/file-store.ts'
import type { Spool } from '../../storage/spool/spool.ts'
import type { ByteBudget } from '../../storage/streams/memory-budget.ts'
import type { Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import { hashBlob, isSameContent } from '../stores/hash-blob.ts'
import type { CopyLimits } from '../stores/walk-versions.ts'
import { bufferInMemory, type Chunks, maxBytesInMemory, streamToSpool } from '../upload/buffer-file.ts'

export type BufferNeeds = { budget: ByteBudget; spool: Spool }

type Copy = {
  from: { store: Pick<FileStore, 'read'>; key: StorageKey }
  to: { store: FileStore; key: StorageKey }
  /** The expected size and hash of the source. `sha256`: null for a row of the platform without a hash: any content is copied. */
  size: number
  sha256: Sha256 | null
  contentType: string
  labels: FileLabels
  limits: CopyLimits
  signal: AbortSignal
}

/**
 * - `copied`: the target has the source's bytes, read back and compared.
 * - `source_missing`, `source_wrong`: the source is absent, or differs from its row in two reads. Nothing was copied.
 * - `target_wrong`: the target's key has other bytes than were sent.
 */
export type CopyOutcome =
  | { kind: 'copied'; stored: StoredFile }
  | { kind: 'source_missing' | 'source_wrong' | 'target_wrong' }

/**
 * Copies one file from store to store, reads the target back and compares its hash. A target that has the same bytes
 * already, as after the death of an earlier mover, counts as copied. Throws if a store could not be asked, or if the source
 * differs in one read only.
 */
export async function copyBlob(needs: BufferNeeds, copy: Copy): Promise<CopyOutcome> {
  const { to, limits, signal } = copy
  try {
    const stored = await limits.writing(() => writeTarget(needs, copy))
    if (stored === undefined) return { kind: 'source_missing' }
    const found = await limits.readingBack(() => hashBlob(to.store, to.key, signal))
    return isSameContent(found, stored) ? { kind: 'copied', stored } : { kind: 'target_wrong' }
  } catch (error) {
    if (!isSourceDamaged(error)) throw error
    return { kind: `source_${await recheckSource(sourceOf(copy))}` }
  }
}

/** Undefined without a source. */
async function writeTarget(needs: BufferNeeds, copy: Copy): Promise<StoredFile | undefined> {
  const { size, to, contentType, labels, signal } = copy
  // The signal may have aborted while this waited for its turn.
  signal.throwIfAborted()
  const source = await bufferSource(needs, sourceOf(copy))
  if (source === undefined) return undefined
  const { content, release } = source
  try {
    return await to.store.write(to.key, { contentType, labels, content, signal })
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'key_taken') throw error
    // An attempt whose answer was lost, or a mover that died, was here before. Reading back decides.
    return content.kind === 'memory' ? { size, sha256: content.sha256 } : await content.accepted
  } finally {
    await release()
  }
}

function sourceOf({ from, size, sha256, signal }: Copy): Source {
  return { ...from, size, sha256, signal, waitSeconds: Infinity }
}

export type Source = {
  store: Pick<FileStore, 'read'>
  key: StorageKey
  size: number
  sha256: Sha256 | null
  signal: AbortSignal
  /** How long to wait for memory; undefined: the default of the budget. */
  waitSeconds?: number
}

export type BufferedSource = {
  content: BufferedContent | SpooledContent
  /** Must be called in every case. */
  release: () => Promise<void>
}

/** Reads a stored file to store it again: a small one into memory, a large one through the spool. Undefined if it is missing. */
export async function bufferSource(
  { budget, spool }: BufferNeeds,
  source: Source,
): Promise<BufferedSource | undefined> {
  const { size, signal, waitSeconds, sha256 } = source
  const expectedSha256 = sha256 ?? undefined
  if (size > maxBytesInMemory) return unlessMissing(bufferInSpool(spool, source, { expectedSha256 }))
  // Memory first: S3 closes a connection whose bytes nobody reads for a while, which looks like an outage.
  const giveBack = await budget.reserve(size, { signal, ...(waitSeconds !== undefined && { waitSeconds }) })
  const chunks = assertLength(size, readLater(source))
  return unlessMissing(bufferInMemory({ budget, giveBack }, chunks, { maxBytes: size, expectedSha256 }))
}

async function bufferInSpool(
  spool: Spool,
  { store, key, size }: Source,
  checks: { expectedSha256: Sha256 | undefined },
): Promise<BufferedSource> {
  const stream = await store.read(key)
  try {
    return await streamToSpool(spool, assertLength(size, stream), { ...checks, stop: () => stream.destroy() })
  } catch (error) {
    stream.destroy()
    throw error
  }
}

/** Opens the source when its first bytes are requested, and closes it when the reader stops. */
async function* readLater({ store, key }: Source): Chunks {
  yield* (await store.read(key)) as AsyncIterable<Buffer> // a store yields buffers, which a stream's type cannot express
}

/** The same bytes. Throws `SourceLengthDiffers` if there are more or fewer than `size`. */
async function* assertLength(size: number, source: Readable | Chunks): Chunks {
  let seen = 0
  // A store yields buffers, which a stream's type cannot express.
  for await (const chunk of source as AsyncIterable<Buffer>) {
    seen += chunk.length
    if (seen > size) break
    yield chunk
  }
  if (seen !== size) throw new SourceLengthDiffers('The source has another length than its row says.')
}

class SourceLengthDiffers extends Error {
  override readonly name = 'SourceLengthDiffers'
}

/** Whether a source was found to differ from its row. `validation_failed`: its hash differs. */
export function isSourceDamaged(error: unknown): boolean {
  return error instanceof SourceLengthDiffers || isAppError(error, 'validation_failed')
}

/** Reads a damaged source again: one faulty read must not mark a document. Throws if the source is right this time. */
export async function recheckSource({ store, key, size, sha256, signal }: Source): Promise<'missing' | 'wrong'> {
  const found = await unlessMissing(hashBlob(store, key, signal))
  if (found === undefined) return 'missing'
  if (found.size !== size || (sha256 !== null && found.sha256 !== sha256)) return 'wrong'
  throw new StoreError('unavailable', 'The source differed from its row once, and not when it was read again.')
}
