import { createHash, type Hash } from 'node:crypto'

import { AppError } from '../../errors/app-error.ts'
import { freeBytes } from '../../files/file-system.ts'
import type { BufferedContent, SpooledContent } from '../../storage/file-store.ts'
import type { Spool, SpoolFile } from '../../storage/spool/spool.ts'
import type { ByteBudget, ReleaseBytes } from '../../storage/streams/memory-budget.ts'
import { readSpoolRange } from '../../storage/streams/read-spooled-file.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { contentInMemory, withFileContent } from '../formats/file-bytes.ts'
import type { Format } from '../formats/allowed-formats.ts'
import type { ScanFeed } from './scan-upload.ts'

/** Files up to this size are buffered in memory, scanned, then sent to the store in one piece. Larger ones use the spool. */
export const maxBytesInMemory = 16 * 1024 * 1024

export type Chunks = AsyncGenerator<Buffer, void>

/** The checks of a whole file, after its last byte. */
export type Checks = {
  expectedSha256: string | undefined
  /** Undefined if the bytes were checked before. */
  check?: Format['check']
}

/** `giveBack` ends the reservation of the memory that the file is read into. */
type Memory = { budget: ByteBudget; giveBack: ReleaseBytes }

/** Must be called in every case. `isDone`: the file is stored and nobody reads the buffer any more. */
export type Release = (isDone?: boolean) => Promise<void>

/** Reads a small file into reserved memory, and gives the memory back on failure. Throws `validation_failed` for another hash. */
export async function bufferInMemory(
  { budget, giveBack }: Memory,
  chunks: Chunks,
  { maxBytes, expectedSha256, check }: Checks & { maxBytes: number },
): Promise<{ content: BufferedContent; release: Release }> {
  try {
    const hash = createHash('sha256')
    // Chunks are copied into one block: joining them at the end would need the memory twice.
    const block = budget.allocateBlock(maxBytes)
    let size = 0
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.copy(block, size)
    }
    const bytes = block.subarray(0, size)
    const content: BufferedContent = { kind: 'memory', bytes, sha256: finishHash(hash, expectedSha256) }
    await check?.(contentInMemory(bytes))
    // A failed store may still be sending the buffer through a socket, so only a stored file's block is used again.
    return { content, release: async (isDone = false) => giveBack(isDone ? block : undefined) }
  } catch (error) {
    giveBack()
    throw error
  }
}

function finishHash(hash: Hash, expected: string | undefined): Sha256 {
  const sha256 = hash.digest('hex') as Sha256 // the hex of a SHA-256, as the brand requires
  if (expected === undefined || expected.toLowerCase() === sha256) return sha256
  const message = 'The SHA-256 of the received file differs from the one that you sent. Send the file again.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'sha256', message }] })
}

type SpoolOptions = Checks & {
  /** Undefined if the bytes were scanned before. */
  scan?: ScanFeed
  /** Whether a chunk's memory is freed once it is in the spool: nobody else reads it. */
  freesChunks?: boolean
  /** Ends the incoming stream, so that a stalled client cannot delay the release. */
  stop: () => void
}

/** Streams a large file to the spool while a store reads it from there. Resolves at once; `accepted` resolves at the end. */
export async function streamToSpool(
  spool: Spool,
  chunks: Chunks,
  { stop, ...options }: SpoolOptions,
): Promise<{ content: SpooledContent; release: () => Promise<void> }> {
  const file = await spool.open()
  const appending = appendAll(file, chunks, options)
  return {
    content: file.content,
    release: async () => {
      stop()
      await appending
      await file.remove()
    },
  }
}

/** Never throws: `accepted` of the spooled content carries the result. */
async function appendAll(
  file: SpoolFile,
  chunks: Chunks,
  { expectedSha256, check, scan, freesChunks = false }: Omit<SpoolOptions, 'stop'>,
): Promise<void> {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.length
      await file.append(chunk)
      await scan?.take(chunk)
      if (freesChunks) freeBytes(chunk)
    }
    const sha256 = finishHash(hash, expectedSha256)
    if (check !== undefined) await withFileContent(file.content.path, check)
    await scan?.finish()
    file.accept({ size, sha256 })
  } catch (error) {
    scan?.giveUp()
    file.reject(error)
  }
}

/**
 * Buffers a small file for which no memory was free: it goes to the spool first, where a slow client uses no memory,
 * and waits for memory once it is complete. Throws `store_unavailable` if no memory becomes free.
 */
export async function spoolThenBuffer(
  { budget, spool }: { budget: ByteBudget; spool: Spool },
  chunks: Chunks,
  { signal, ...checks }: Checks & { signal: AbortSignal },
): Promise<{ content: BufferedContent; release: Release }> {
  // Nothing to stop: the spool file is removed only after the last byte, or after the failure.
  const spooled = await streamToSpool(spool, chunks, { ...checks, stop: () => undefined })
  const buffered = await bufferSpooled(spooled.content, { budget, signal }).catch(async (error: unknown) => {
    await spooled.release()
    throw error
  })
  try {
    await spooled.release()
    return buffered
  } catch (error) {
    await buffered.release()
    throw error
  }
}

async function bufferSpooled(
  { accepted, path }: SpooledContent,
  { budget, signal }: { budget: ByteBudget; signal: AbortSignal },
) {
  const { size, sha256 } = await accepted
  const giveBack = await budget.reserve(size, { signal })
  const pieces = readSpoolRange(path, { start: 0, end: size })
  return bufferInMemory({ budget, giveBack }, pieces, { maxBytes: size, expectedSha256: sha256 })
}
