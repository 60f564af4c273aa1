import { open } from 'node:fs/promises'

import { freeBytes } from '../../files/file-system.ts'
import { type SpooledContent, StoreError } from '../file-store.ts'

/** A range of a file: from `start` (inclusive) to `end` (exclusive). */
export type SpoolRange = { start: number; end: number }

/** Yields ranges of `length` bytes as soon as each is written. The last one may be shorter. */
export async function* readableRanges(
  content: SpooledContent,
  length: number,
  signal?: AbortSignal,
): AsyncGenerator<SpoolRange> {
  let start = 0
  for (;;) {
    const wanted = start + length
    const end = Math.min(wanted, await untilAborted(content.available(wanted), signal))
    if (end > start) yield { start, end }
    if (end < wanted) return
    start = end
  }
}

export const readChunkBytes = 128 * 1024

/**
 * Reads a range in chunks that share one buffer: a chunk is valid until the next one is requested. The buffer is freed at the
 * end. With streams, or buffers that wait for the collector, garbage was most of the process's memory during many uploads.
 */
export async function* readSpoolRange(path: string, { start, end }: SpoolRange): AsyncGenerator<Buffer> {
  const file = await open(path).catch(failToRead)
  // Slow: memory of its own, which can be freed.
  const memory = Buffer.allocUnsafeSlow(readChunkBytes)
  try {
    for (let position = start; position < end;) {
      const { bytesRead } = await file
        .read(memory, 0, Math.min(readChunkBytes, end - position), position)
        .catch(failToRead)
      if (bytesRead === 0) failToRead(new Error('the spool file shrank while it was read'))
      yield memory.subarray(0, bytesRead)
      position += bytesRead
    }
  } finally {
    freeBytes(memory)
    await file.close()
  }
}

// Inside a request to S3, an error of our own disk would otherwise look like a network error.
function failToRead(cause: unknown): never {
  throw new StoreError('unavailable', 'the spool file cannot be read', cause)
}

/** Waits for the promise, or throws the signal's reason if that comes first. */
export async function untilAborted<Value>(promise: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (signal === undefined) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    // `race` also handles the rejection of the loser.
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
