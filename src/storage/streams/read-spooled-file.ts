import { open } from 'node:fs/promises'

import { type SpooledContent, StoreError } from '../file-store.ts'

/** A stretch of a file: from `start` up to and without `end`. */
export type SpoolRange = { start: number; end: number }

/** The stretches of a spooled file, one after another, each as soon as it is there whole; the last may be shorter. */
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
 * The bytes of a stretch, piece by piece, in one and the same memory: a piece is good until the next is asked for. With
 * fifty files on their way, what streams leave behind for the garbage collector was most of the process's memory.
 */
export async function* readSpoolRange(path: string, { start, end }: SpoolRange): AsyncGenerator<Buffer> {
  const file = await open(path).catch(failToRead)
  try {
    const memory = Buffer.allocUnsafe(readChunkBytes)
    for (let position = start; position < end;) {
      const { bytesRead } = await file
        .read(memory, 0, Math.min(readChunkBytes, end - position), position)
        .catch(failToRead)
      if (bytesRead === 0) failToRead(new Error('A spooled file became shorter while it was read.'))
      yield memory.subarray(0, bytesRead)
      position += bytesRead
    }
  } finally {
    await file.close()
  }
}

// Our own disk: in the middle of a request to S3 its errors look like those of the network, and must not pass for them.
function failToRead(cause: unknown): never {
  throw new StoreError('unavailable', 'A file on its way cannot be read from the spool.', cause)
}

/** The promise, or the signal's reason if that comes first. */
export async function untilAborted<Value>(promise: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (signal === undefined) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    // Both are looked after from here on: whichever loses may still be rejected.
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
