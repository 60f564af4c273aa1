import { addAbortSignal, type Readable } from 'node:stream'

import { AppError } from '../errors.ts'

/** A file's bytes as they come, already counted against the limit. */
export type Chunks = AsyncGenerator<Buffer, void>

type Source = { bytes: Readable; maxBytes: number; signal: AbortSignal }

/** How much longer than its file a form may declare itself: boundaries and the headers of its parts. */
const formBytes = 64 * 1024

/** Refuses what says itself that it is too large, before a byte of it is read. Throws `too_large`. */
export function assertDeclaredSize(declaredBytes: number | undefined, maxBytes: number): void {
  if (declaredBytes !== undefined && declaredBytes > maxBytes + formBytes) throw tooLarge(maxBytes)
}

/** How long the file in such a form is at least. */
export function leastFileBytes(declaredBytes: number | undefined): number {
  return Math.max(1, (declaredBytes ?? 0) - formBytes)
}

/** Hands the bytes on and stops reading at the limit. Throws `too_large`, or the signal's reason. */
export async function* limitBytes({ bytes, maxBytes, signal }: Source): Chunks {
  let size = 0
  try {
    // A multipart part and a request body yield buffers; the type of a stream cannot say so.
    for await (const chunk of addAbortSignal(signal, bytes) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  } catch (error) {
    // The stream only knows that it was aborted; the signal knows why.
    signal.throwIfAborted()
    throw error
  }
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'too_large',
    `The file is larger than ${inWords(maxBytes)}, the most that is taken here. Make it smaller, for example by scanning at 150 dpi, and send it again.`,
  )
}

function inWords(bytes: number): string {
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

/** The whole again. */
export async function* rejoin(head: Buffer, rest: Chunks): Chunks {
  yield head
  yield* rest
}
