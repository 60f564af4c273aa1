import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'

import { AppError } from '../errors.ts'
import type { ByteBudget } from '../storage/byte-budget.ts'
import type { HeldInMemory, Spooled } from '../storage/file-store.ts'
import type { Spool } from '../storage/spool.ts'
import type { Sha256 } from '../vocabulary.ts'
import { headBytes, requireAllowedFormat } from './detect-format.ts'
import type { Format } from './formats.ts'

/** Files up to this size are held whole in memory, scanned, then sent in one piece. */
export const mostBytesInMemory = 16 * 1024 * 1024

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
  /** Gives memory or spool file back; to be called in every case. */ release: () => Promise<void>
}

/**
 * Reads an upload once: counts it and cuts it off at the limit, takes its SHA-256, tells its kind by its first bytes.
 * A small file comes back whole; a large one comes back as soon as its kind is known and flows on into the spool, and
 * its `accepted` says later how it ended. Throws `empty_file`, `unsupported_type`, `too_large`, `store_unavailable`.
 */
export async function receiveFile(needs: ReceiveNeeds, incoming: Incoming): Promise<Received> {
  const mostBytes = Math.min(incoming.declaredBytes ?? Infinity, incoming.maxBytes)
  const chunks = limited(incoming)
  const head = await takeHead(chunks)
  if (head.length === 0) throw new AppError('empty_file', 'The file is empty. Choose another one and send it again.')
  const format = await requireAllowedFormat(head, incoming.fileName, incoming.allowedMimeTypes)

  const whole = rejoin(head, chunks)
  const receive = mostBytes <= mostBytesInMemory ? holdInMemory : spoolToDisk
  return {
    format,
    ...(await receive(needs, whole, { mostBytes, expectedSha256: incoming.expectedSha256, signal: incoming.signal })),
  }
}

type Flow = { mostBytes: number; expectedSha256: string | undefined; signal: AbortSignal }
type Chunks = AsyncGenerator<Buffer>

async function holdInMemory(
  { budget }: ReceiveNeeds,
  chunks: Chunks,
  { mostBytes, expectedSha256, signal }: Flow,
): Promise<Omit<Received, 'format'>> {
  const giveBack = await budget.reserve(mostBytes, { signal })
  try {
    const hash = createHash('sha256')
    const held: Buffer[] = []
    for await (const chunk of chunks) {
      hash.update(chunk)
      held.push(chunk)
    }
    const content: HeldInMemory = { kind: 'memory', bytes: Buffer.concat(held), sha256: finish(hash, expectedSha256) }
    return { content, release: async () => giveBack() }
  } catch (error) {
    giveBack()
    throw error
  }
}

async function spoolToDisk(
  { spool }: ReceiveNeeds,
  chunks: Chunks,
  { expectedSha256 }: Flow,
): Promise<Omit<Received, 'format'>> {
  const file = await spool.open()
  const flowing = flowIntoSpool(file, chunks, expectedSha256)
  return {
    content: file.content,
    release: async () => {
      await flowing
      await file.remove()
    },
  }
}

/** Never throws: how it ended is told through the spooled content's `accepted`. */
async function flowIntoSpool(
  file: Awaited<ReturnType<Spool['open']>>,
  chunks: Chunks,
  expectedSha256: string | undefined,
): Promise<void> {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.length
      await file.append(chunk)
    }
    file.accept({ size, sha256: finish(hash, expectedSha256) })
  } catch (error) {
    file.refuse(error)
  }
}

async function* limited({ bytes, maxBytes }: Incoming): Chunks {
  let size = 0
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'too_large',
    `The file is larger than ${inMegabytes(maxBytes)}, the most that is taken here. Make it smaller, for example by scanning at 150 dpi, and send it again.`,
  )
}

function inMegabytes(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${Math.floor((bytes / 1024 / 1024) * 10) / 10} MB` : `${bytes} bytes`
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

/** The hash of the whole. Throws `validation_failed` when the client said another. */
function finish(hash: Hash, expected: string | undefined): Sha256 {
  const sha256 = hash.digest('hex') as Sha256
  if (expected === undefined || expected.toLowerCase() === sha256) return sha256
  const message = 'The file that arrived is not the one you hashed: its SHA-256 is another. Send it again.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'sha256', message }] })
}
