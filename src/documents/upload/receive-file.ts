import { addAbortSignal, type Readable } from 'node:stream'

import { AppError } from '../../errors/app-error.ts'
import type { BufferedContent, SpooledContent } from '../../storage/file-store.ts'
import type { Spool } from '../../storage/spool/spool.ts'
import type { ByteBudget } from '../../storage/streams/memory-budget.ts'
import { detectFormat, headBytes } from '../formats/detect-format.ts'
import { type Detected, type Format, requireAllowedFormat } from '../formats/allowed-formats.ts'
import {
  bufferInMemory,
  type Checks,
  type Chunks,
  maxBytesInMemory,
  type Release,
  spoolThenBuffer,
  streamToSpool,
} from './buffer-file.ts'
import { formatBytes } from './quota-error.ts'
import { scanBuffer, type ScanNeeds, startStreamScan, type UploadScanStatus } from './scan-upload.ts'

export type ReceiveNeeds = ScanNeeds & { budget: ByteBudget; spool: Spool }

export type OpenedFile = {
  bytes: Readable
  fileName: string | undefined
  /** The client's media type of the file. */
  declaredType: string | undefined
}

/** A file whose first bytes are read. Nothing is rejected yet: the right to upload is checked first. */
export type FileWithHead = OpenedFile & { head: Buffer; detected: Detected; rest: Chunks }

/** Reads the first bytes of a file. Throws the signal's reason. */
export async function readFileHead(file: OpenedFile, signal: AbortSignal): Promise<FileWithHead> {
  const rest = readChunks(file.bytes, signal)
  const head = await takeHead(rest, headBytes)
  return { ...file, head, detected: await detectFormat(head), rest }
}

async function* readChunks(bytes: Readable, signal: AbortSignal): Chunks {
  try {
    // A multipart part and a request body yield buffers, which a stream's type cannot express.
    yield* addAbortSignal(signal, bytes) as AsyncIterable<Buffer>
  } catch (error) {
    // The stream only knows that it was aborted; the signal knows why.
    signal.throwIfAborted()
    throw error
  }
}

/** At least `size` bytes, unless the file is shorter. */
async function takeHead(chunks: Chunks, size: number): Promise<Buffer> {
  const taken: Buffer[] = []
  let takenBytes = 0
  while (takenBytes < size) {
    const next = await chunks.next()
    if (next.done === true) break
    taken.push(next.value)
    takenBytes += next.value.length
  }
  return Buffer.concat(taken)
}

/** A form's boundaries and part headers may add this much to the length of its file. */
const formBytes = 64 * 1024

/** Rejects a body by its declared length, before any of it is read. Throws `too_large`. */
export function assertDeclaredSize(declaredBytes: number | undefined, maxBytes: number): void {
  if (declaredBytes !== undefined && declaredBytes > maxBytes + formBytes) throw tooLarge(maxBytes)
}

/** The minimum length of the file in a form of this length. */
export function minFileBytes(declaredBytes: number | undefined): number {
  return Math.max(1, (declaredBytes ?? 0) - formBytes)
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'too_large',
    `The file is larger than the maximum of ${formatBytes(maxBytes)}. Make it smaller, for example by scanning at 150 dpi, and send it again.`,
  )
}

/** The whole file, read no further than the limit. Throws `too_large`. */
async function* limitBytes(head: Buffer, rest: Chunks, maxBytes: number): Chunks {
  let size = head.length
  if (size > maxBytes) throw tooLarge(maxBytes)
  yield head
  for await (const chunk of rest) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

type FileRules = {
  fileName: string
  /** The body's length as the client declares it, the form included; undefined without a declaration. */
  declaredBytes: number | undefined
  maxBytes: number
  allowedMimeTypes: readonly string[]
  expectedSha256: string | undefined
  /** Whether the bytes come from a store, which does not read its chunks again. */
  isFromStore?: boolean
  signal: AbortSignal
}

export type ReceivedFile = {
  format: Format
  content: BufferedContent | SpooledContent
  /** The file's length if it is complete, else its limit. */
  maxBytes: number
  /** By the clock of `performance`. Signatures that the scanner got later may not have been used for this file. */
  scanStartedAt: number
  /** Resolves once the content is complete and accepted. */
  scanStatus: () => Promise<UploadScanStatus>
  /** Stops reading and gives memory or spool file back. */
  release: Release
}

/**
 * Receives the rest of an upload: limits, hashes, checks and scans it. A small file is complete when this resolves; a large
 * one still streams to the spool, and its `accepted` resolves at the end. If the process dies, nothing of it is stored: a later
 * start removes the spool file. Throws `empty_file`, `unsupported_type`, `too_large`, `infected`, `store_unavailable`.
 */
export async function receiveFile(needs: ReceiveNeeds, file: FileWithHead, rules: FileRules): Promise<ReceivedFile> {
  const { declaredBytes = Infinity, signal, expectedSha256, fileName, isFromStore = false } = rules
  const { head, detected, declaredType } = file
  if (head.length === 0) throw new AppError('empty_file', 'The file is empty. Choose another file and send it again.')
  const format = requireAllowedFormat(detected, { fileName, declaredType }, rules.allowedMimeTypes)
  const chunks = limitBytes(head, file.rest, rules.maxBytes)
  const maxBytes = Math.min(declaredBytes, rules.maxBytes)
  const scanStartedAt = performance.now()
  const checks = { expectedSha256, check: format.check }
  const buffered =
    maxBytes <= maxBytesInMemory
      ? await bufferAndScan(needs, chunks, { ...checks, maxBytes, signal })
      : await spoolAndScan(needs, chunks, { ...checks, bytes: file.bytes, signal, isFromStore })
  const { content } = buffered
  return { format, scanStartedAt, maxBytes: content.kind === 'memory' ? content.bytes.length : maxBytes, ...buffered }
}

type BufferedFile = Pick<ReceivedFile, 'content' | 'scanStatus' | 'release'>

async function bufferAndScan(
  needs: ReceiveNeeds,
  chunks: Chunks,
  options: Checks & { maxBytes: number; signal: AbortSignal },
): Promise<BufferedFile> {
  const { budget } = needs
  // The last 16 MiB are for complete files: a slow body must not block uploads that could finish.
  const giveBack = budget.tryReserve(options.maxBytes, { leaving: maxBytesInMemory })
  const buffered =
    giveBack === undefined
      ? await spoolThenBuffer(needs, chunks, options)
      : await bufferInMemory({ budget, giveBack }, chunks, options)
  try {
    const scanStatus = await scanBuffer(needs, buffered.content.bytes, options.signal)
    return { ...buffered, scanStatus: async () => scanStatus }
  } catch (error) {
    await buffered.release()
    throw error
  }
}

async function spoolAndScan(
  needs: ReceiveNeeds,
  chunks: Chunks,
  { bytes, signal, isFromStore, ...checks }: Checks & { bytes: Readable; signal: AbortSignal; isFromStore: boolean },
): Promise<BufferedFile> {
  const scan = startStreamScan(needs, signal)
  try {
    // A scanner may still be sending a chunk.
    const freesChunks = isFromStore && needs.scanner === undefined
    const stop = () => void bytes.destroy()
    const spooled = await streamToSpool(needs.spool, chunks, { ...checks, scan, stop, freesChunks })
    return { ...spooled, scanStatus: () => scan.finish() }
  } catch (error) {
    // Without a spool file nothing feeds the scan, which would block one of the scanner's connections.
    scan.giveUp()
    throw error
  }
}
