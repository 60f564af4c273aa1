import { createHash, type Hash } from 'node:crypto'
import { addAbortSignal, type Readable } from 'node:stream'

import { AppError } from '../../errors/app-error.ts'
import type { ByteBudget, ReleaseBytes } from '../../storage/streams/memory-budget.ts'
import type { BufferedContent, SpooledContent } from '../../storage/file-store.ts'
import { readSpoolRange } from '../../storage/streams/read-spooled-file.ts'
import type { Spool, SpoolFile } from '../../storage/spool/spool.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { contentInMemory, withFileContent } from '../formats/file-bytes.ts'
import type { Format } from '../formats/formats.ts'
import type { ScanFeed } from './scan-upload.ts'

export type Chunks = AsyncGenerator<Buffer, void>

/** How much longer than its file a form may declare itself: boundaries and the headers of its parts. */
const formBytes = 64 * 1024

/** Refuses what says itself that it is too large, before a byte of it is read. Throws `too_large`. */
export function assertDeclaredSize(declaredBytes: number | undefined, maxBytes: number): void {
  if (declaredBytes !== undefined && declaredBytes > maxBytes + formBytes) throw tooLarge(maxBytes)
}

/** How long the file in such a form is at least. */
export function minFileBytes(declaredBytes: number | undefined): number {
  return Math.max(1, (declaredBytes ?? 0) - formBytes)
}

/** The bytes as they come. Throws the signal's reason. */
export async function* readChunks(bytes: Readable, signal: AbortSignal): Chunks {
  try {
    // A multipart part and a request body yield buffers; the type of a stream cannot say so.
    yield* addAbortSignal(signal, bytes) as AsyncIterable<Buffer>
  } catch (error) {
    // The stream only knows that it was aborted; the signal knows why.
    signal.throwIfAborted()
    throw error
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'too_large',
    `The file is larger than ${formatBytes(maxBytes)}, the most that is taken here. Make it smaller, for example by scanning at 150 dpi, and send it again.`,
  )
}

function formatBytes(bytes: number): string {
  return bytes < 1024 * 1024 ? `${bytes} bytes` : `${Math.floor((bytes / 1024 / 1024) * 10) / 10} MB`
}

/** The first bytes, at least `size` of them unless the file is shorter. */
export async function takeHead(chunks: Chunks, size: number): Promise<Buffer> {
  const taken: Buffer[] = []
  let taking = 0
  while (taking < size) {
    const next = await chunks.next()
    if (next.done === true) break
    taken.push(next.value)
    taking += next.value.length
  }
  return Buffer.concat(taken)
}

/** The whole file, read no further than to the limit. Throws `too_large`. */
export async function* limitBytes(head: Buffer, rest: Chunks, maxBytes: number): Chunks {
  let size = head.length
  if (size > maxBytes) throw tooLarge(maxBytes)
  yield head
  for await (const chunk of rest) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

/** What a whole file must pass, once its last byte is there. */
export type Checks = {
  expectedSha256: string | undefined
  /** Left out where the bytes were checked when they came first. */
  check?: Format['check']
}

/** The hash of the whole file. Throws `validation_failed` when the client said that it would be another. */
function finishHash(hash: Hash, expected: string | undefined): Sha256 {
  const sha256 = hash.digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
  if (expected === undefined || expected.toLowerCase() === sha256) return sha256
  const message = 'The file that arrived is not the one you hashed: its SHA-256 is another. Send it again.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'sha256', message }] })
}

/** `giveBack` ends the reservation of the memory that a file is read into. */
type Memory = { budget: ByteBudget; giveBack: ReleaseBytes }

/** To be called in every case. `isDone`: the file is stored, and nobody reads its bytes any more. */
export type Release = (isDone?: boolean) => Promise<void>

/** Reads a small file whole into memory of the budget that was given for it; gives that back when it fails. */
export async function bufferInMemory(
  { budget, giveBack }: Memory,
  chunks: Chunks,
  { mostBytes, expectedSha256, check }: Checks & { mostBytes: number },
): Promise<{ content: BufferedContent; release: Release }> {
  try {
    const hash = createHash('sha256')
    // One block that the chunks are copied into: to join them at the end would need the memory twice.
    const block = budget.allocateBlock(mostBytes)
    let size = 0
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.copy(block, size)
    }
    const content: BufferedContent = {
      kind: 'memory',
      bytes: block.subarray(0, size),
      sha256: finishHash(hash, expectedSha256),
    }
    await check?.(contentInMemory(content.bytes))
    // A store that gave up on a file may still have it on its way through a socket: such memory is left to be collected.
    return { content, release: async (isDone = false) => giveBack(isDone ? block : undefined) }
  } catch (error) {
    giveBack()
    throw error
  }
}

type SpoolOptions = Checks & {
  /** Who scans the bytes as they come; left out where they were scanned when they came first. */
  scan?: ScanFeed
  /** Ends the incoming stream, so that a client that stalls cannot hold up the release. */
  stop: () => void
}

/** Lets a large file flow into the spool while a store reads it from there. Returns at once. */
export async function streamToSpool(
  spool: Spool,
  chunks: Chunks,
  { stop, ...checks }: SpoolOptions,
): Promise<{ content: SpooledContent; release: () => Promise<void> }> {
  const file = await spool.open()
  const flowing = appendAll(file, chunks, checks)
  return {
    content: file.content,
    release: async () => {
      stop()
      await flowing
      await file.remove()
    },
  }
}

/** Never throws: how it ended is told through the spooled content's `accepted`. */
async function appendAll(
  file: SpoolFile,
  chunks: Chunks,
  { expectedSha256, check, scan }: Omit<SpoolOptions, 'stop'>,
): Promise<void> {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.length
      await file.append(chunk)
      await scan?.take(chunk)
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
 * Receives a small file that there was no memory for: it goes to the spool, where a slow client takes nothing from others,
 * and waits for memory when it is complete. Throws `store_unavailable` when none became free.
 */
export async function spoolThenBuffer(
  { budget, spool }: { budget: ByteBudget; spool: Spool },
  chunks: Chunks,
  { signal, ...checks }: Checks & { signal: AbortSignal },
): Promise<{ content: BufferedContent; release: Release }> {
  // Nothing to stop: it is removed only after the last byte, or after whatever came instead.
  const { content, release } = await streamToSpool(spool, chunks, { ...checks, stop: () => undefined })
  const held = await bufferSpooled(content, { budget, signal }).catch(async (error: unknown) => {
    await release()
    throw error
  })
  try {
    await release()
    return held
  } catch (error) {
    await held.release()
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
  return bufferInMemory({ budget, giveBack }, pieces, { mostBytes: size, expectedSha256: sha256 })
}
