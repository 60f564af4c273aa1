import { addAbortSignal, type Readable } from 'node:stream'

import { AppError } from '../errors.ts'
import type { ByteBudget } from '../storage/byte-budget.ts'
import type { HeldInMemory, Spooled } from '../storage/file-store.ts'
import type { Spool } from '../storage/spool.ts'
import { headBytes, requireAllowedFormat } from './detect-format.ts'
import { flowIntoSpool } from './flow-into-spool.ts'
import type { Format } from './formats.ts'
import { holdInMemory } from './hold-in-memory.ts'

/** Files up to this size are held whole in memory, scanned, then sent in one piece. */
export const mostBytesInMemory = 16 * 1024 * 1024

/** How much longer than its file a form may declare itself: boundaries and the headers of its parts. */
const formBytes = 64 * 1024

export type ReceiveNeeds = { budget: ByteBudget; spool: Spool }

export type Incoming = {
  bytes: Readable
  fileName: string
  /** The body's length as the client declares it, form and all; undefined when it does not say. */
  declaredBytes: number | undefined
  maxBytes: number
  allowedMimeTypes: readonly string[]
  expectedSha256: string | undefined
  signal: AbortSignal
}

export type Received = {
  format: Format
  content: HeldInMemory | Spooled
  /** Stops reading and gives memory or spool file back; to be called in every case. */
  release: () => Promise<void>
}

/** A file's bytes as they come, already counted against the limit. */
export type Chunks = AsyncGenerator<Buffer, void>

/**
 * Reads an upload once: counts it and cuts it off at the limit, takes its SHA-256, tells its kind by its first bytes.
 * A small file comes back whole; a large one comes back as soon as its kind is known and flows on into the spool, and
 * its `accepted` says later how it ended. Throws `empty_file`, `unsupported_type`, `too_large`, `store_unavailable`.
 */
export async function receiveFile(needs: ReceiveNeeds, incoming: Incoming): Promise<Received> {
  const { declaredBytes = Infinity, maxBytes, signal, expectedSha256 } = incoming
  if (declaredBytes !== Infinity && declaredBytes > maxBytes + formBytes) throw tooLarge(maxBytes)

  const chunks = limited(incoming)
  const head = await takeHead(chunks)
  if (head.length === 0) throw new AppError('empty_file', 'The file is empty. Choose another one and send it again.')
  const format = await requireAllowedFormat(head, incoming.fileName, incoming.allowedMimeTypes)

  const whole = rejoin(head, chunks)
  const mostBytes = Math.min(declaredBytes, maxBytes)
  const held =
    mostBytes <= mostBytesInMemory
      ? await holdInMemory(needs.budget, whole, { mostBytes, expectedSha256, signal })
      : await flowIntoSpool(needs.spool, whole, { expectedSha256, stop: () => incoming.bytes.destroy() })
  return { format, ...held }
}

async function* limited({ bytes, maxBytes, signal }: Incoming): Chunks {
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

function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'too_large',
    `The file is larger than ${inWords(maxBytes)}, the most that is taken here. Make it smaller, for example by scanning at 150 dpi, and send it again.`,
  )
}

function inWords(bytes: number): string {
  return bytes < 1024 * 1024 ? `${bytes} bytes` : `${Math.floor((bytes / 1024 / 1024) * 10) / 10} MB`
}

async function takeHead(chunks: Chunks): Promise<Buffer> {
  const taken: Buffer[] = []
  let size = 0
  while (size < headBytes) {
    const next = await chunks.next()
    if (next.done === true) break
    taken.push(next.value)
    size += next.value.length
  }
  return Buffer.concat(taken)
}

async function* rejoin(head: Buffer, rest: Chunks): Chunks {
  yield head
  yield* rest
}
