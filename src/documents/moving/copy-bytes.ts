import type { Readable } from 'node:stream'

import { isAppError } from '../../errors.ts'
import type { ByteBudget } from '../../storage/byte-budget.ts'
import { type FileLabels, type FileStore, type StoredFile, StoreError } from '../../storage/file-store.ts'
import type { Spool } from '../../storage/spool.ts'
import type { Sha256, StorageKey } from '../../vocabulary.ts'
import { flowIntoSpool } from '../flow-into-spool.ts'
import { holdInMemory } from '../hold-in-memory.ts'
import type { Chunks } from '../limit-bytes.ts'
import { mostBytesInMemory } from '../receive-file.ts'
import { hashStored } from './hash-stored.ts'
import type { Turns } from './turns.ts'

export type CopyNeeds = { budget: ByteBudget; spool: Spool }

export type Copy = {
  from: { store: FileStore; key: StorageKey }
  to: { store: FileStore; key: StorageKey }
  /** What the source must be. A row of the platform knows no hash: then the source's own is taken. */
  size: number
  sha256: Sha256 | null
  contentType: string
  labels: FileLabels
  turns: Turns
  signal: AbortSignal
}

export type CopyOutcome =
  | { kind: 'copied'; stored: StoredFile }
  /** The source is not there, or was read twice and is not the file that it should be: nothing was copied. */
  | { kind: 'source_missing' | 'source_wrong' }
  /** Other bytes lie under the target's key than were sent there. */
  | { kind: 'target_wrong' }

/**
 * Copies one file from store to store and proves it: the target is read back, byte by byte, and its hash compared. A
 * target that is there already with the very bytes is as good as copied: the answer to an earlier attempt was lost.
 * Throws when a store could not be asked, or gave the source wrong once and right the next time.
 */
export async function copyBytes(needs: CopyNeeds, copy: Copy): Promise<CopyOutcome> {
  const { to, turns, signal } = copy
  try {
    const stored = await turns.writing(() => writeOver(needs, copy))
    if (stored === undefined) return { kind: 'source_missing' }
    const found = await turns.readingBack(() => hashStored(to.store, to.key, signal))
    const isProved = found.size === stored.size && found.sha256 === stored.sha256
    return isProved ? { kind: 'copied', stored } : { kind: 'target_wrong' }
  } catch (error) {
    if (!(error instanceof SourceIsWrong) && !isAppError(error, 'validation_failed')) throw error
    return { kind: await lookAgain(copy) }
  }
}

/**
 * A second reading of a source that was not right, since a paper is taken from people for it: one wrong answer of a
 * store or of a line is not enough. Throws when it is right now, so that it is moved by another try.
 */
async function lookAgain({ from, size, sha256, signal }: Copy): Promise<'source_missing' | 'source_wrong'> {
  try {
    const found = await hashStored(from.store, from.key, signal)
    if (found.size !== size || (sha256 !== null && found.sha256 !== sha256)) return 'source_wrong'
  } catch (error) {
    if (error instanceof StoreError && error.code === 'bytes_missing') return 'source_missing'
    throw error
  }
  throw new StoreError('unavailable', 'The source was not right, and was when it was read a second time.')
}

/** Undefined when there is no source. */
async function writeOver(needs: CopyNeeds, copy: Copy): Promise<StoredFile | undefined> {
  // Who waited for a turn may have been told to end meanwhile.
  copy.signal.throwIfAborted()
  const source = await openSource(copy)
  if (source === undefined) return undefined
  try {
    return await write(needs, copy, source)
  } finally {
    source.destroy()
  }
}

async function openSource({ from }: Copy): Promise<Readable | undefined> {
  try {
    return await from.store.read(from.key)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'bytes_missing') return undefined
    throw error
  }
}

async function write({ budget, spool }: CopyNeeds, copy: Copy, source: Readable): Promise<StoredFile> {
  const { size, sha256, to, contentType, labels, signal } = copy
  const chunks = exactly(size, source)
  const expectedSha256 = sha256 ?? undefined
  const { content, release } =
    size <= mostBytesInMemory
      ? await holdInMemory(budget, chunks, { mostBytes: size, expectedSha256, signal, waitSeconds: Infinity })
      : await flowIntoSpool(spool, chunks, { expectedSha256, stop: () => source.destroy() })
  try {
    return await to.store.write(to.key, { contentType, labels, content, signal })
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'key_taken') throw error
    // Somebody was here before: an attempt whose answer was lost, or whose mover died. The read-back says whether it is ours.
    return content.kind === 'memory' ? { size, sha256: content.sha256 } : await content.accepted
  } finally {
    await release()
  }
}

class SourceIsWrong extends Error {
  override readonly name = 'SourceIsWrong'
}

/** The stream's bytes, when they are so many: one more or less is another file. */
async function* exactly(size: number, source: Readable): Chunks {
  let seen = 0
  // A store yields buffers; the type of a stream cannot say so.
  for await (const chunk of source as AsyncIterable<Buffer>) {
    seen += chunk.length
    if (seen > size) break
    yield chunk
  }
  if (seen !== size) throw new SourceIsWrong('The source is not as long as its row says.')
}
