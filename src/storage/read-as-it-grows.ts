import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'

import type { Spooled } from './file-store.ts'

/** A stretch of a file: from `start` up to and without `end`. */
export type Stretch = { start: number; end: number }

/** The stretches of a spooled file, one after another, each as soon as it is there whole; the last may be shorter. */
export async function* stretchesOf(content: Spooled, length: number, signal?: AbortSignal): AsyncGenerator<Stretch> {
  let start = 0
  for (;;) {
    const wanted = start + length
    const end = Math.min(wanted, await untilAborted(content.available(wanted), signal))
    if (end > start) yield { start, end }
    if (end < wanted) return
    start = end
  }
}

export function readStretch(path: string, { start, end }: Stretch): Readable {
  return createReadStream(path, { start, end: end - 1, highWaterMark: 64 * 1024 })
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
