import type { Readable } from 'node:stream'

import { AppError } from '../../errors/app-error.ts'
import type { ByteBudget } from '../../storage/streams/memory-budget.ts'
import type { BufferedContent, SpooledContent } from '../../storage/file-store.ts'
import type { Spool } from '../../storage/spool/spool.ts'
import {
  type Checks,
  type Chunks,
  streamToSpool,
  bufferInMemory,
  spoolThenBuffer,
  limitBytes,
  readChunks,
  type Release,
  takeHead,
} from './read-upload.ts'
import { type Detected, detectFormat, type Format, headBytes, requireAllowedFormat } from '../formats/formats.ts'
import { type UploadScanStatus, startStreamScan, scanBuffer, type ScanNeeds } from './scan-upload.ts'

/** Files up to this size are held whole in memory, scanned, then sent in one piece. */
export const maxBytesInMemory = 16 * 1024 * 1024

export type ReceiveNeeds = ScanNeeds & { budget: ByteBudget; spool: Spool }

export type OpenedFile = {
  bytes: Readable
  fileName: string | undefined
  /** What the client says that the file is. */
  declaredType: string | undefined
}

/** A file whose first bytes are here. Nothing is said of them yet: whether its sender may send it comes first. */
export type FileWithHead = OpenedFile & { head: Buffer; detected: Detected; rest: Chunks }

/** Reads the first bytes of a file. Throws the signal's reason. */
export async function readFileHead(file: OpenedFile, signal: AbortSignal): Promise<FileWithHead> {
  const rest = readChunks(file.bytes, signal)
  const head = await takeHead(rest, headBytes)
  return { ...file, head, detected: await detectFormat(head), rest }
}

export type FileRules = {
  fileName: string
  /** The body's length as the client declares it, form and all, already found to be allowed; undefined when it does not say. */
  declaredBytes: number | undefined
  maxBytes: number
  allowedMimeTypes: readonly string[]
  expectedSha256: string | undefined
  signal: AbortSignal
}

export type ReceivedFile = {
  format: Format
  content: BufferedContent | SpooledContent
  /** How long it is at most; of a file that still comes nobody knows better. */
  maxBytes: number
  /** By the clock of `performance`: what the scanner learned later, it may not have known of this file. */
  scanStartedAt: number
  /** What the scanner said of it; known once the content is whole and accepted. */
  scanStatus: () => Promise<UploadScanStatus>
  /** Stops reading and gives memory or spool file back. */
  release: Release
}

/**
 * Receives the rest of an upload: limits, hashes, checks and scans it. A large file flows on into the spool, and
 * `accepted` settles at its end. Throws `empty_file`, `unsupported_type`, `too_large`, `infected`, `store_unavailable`.
 */
export async function receiveFile(needs: ReceiveNeeds, file: FileWithHead, wanted: FileRules): Promise<ReceivedFile> {
  const { declaredBytes = Infinity, maxBytes, signal, expectedSha256, fileName } = wanted
  const { head, detected, declaredType } = file
  if (head.length === 0) throw new AppError('empty_file', 'The file is empty. Choose another one and send it again.')
  const format = requireAllowedFormat(detected, { fileName, declaredType }, wanted.allowedMimeTypes)
  const whole = limitBytes(head, file.rest, maxBytes)
  const mostBytes = Math.min(declaredBytes, maxBytes)
  const scanStartedAt = performance.now()
  const checks = { expectedSha256, check: format.check }
  const held =
    mostBytes <= maxBytesInMemory
      ? await bufferAndScan(needs, whole, { ...checks, mostBytes, signal })
      : await spoolAndScan(needs, whole, { ...checks, bytes: file.bytes, signal })
  return {
    format,
    scanStartedAt,
    maxBytes: held.content.kind === 'memory' ? held.content.bytes.length : mostBytes,
    ...held,
  }
}

type BufferedFile = Omit<ReceivedFile, 'format' | 'maxBytes' | 'scanStartedAt'>

async function bufferAndScan(
  needs: ReceiveNeeds,
  chunks: Chunks,
  limits: Checks & { mostBytes: number; signal: AbortSignal },
): Promise<BufferedFile> {
  // What is left is for whole files: a body that hardly moves must not keep anybody who can go on from doing so.
  const { budget } = needs
  const giveBack = budget.tryReserve(limits.mostBytes, { leaving: maxBytesInMemory })
  const held =
    giveBack === undefined
      ? await spoolThenBuffer(needs, chunks, limits)
      : await bufferInMemory({ budget, giveBack }, chunks, limits)
  try {
    const scanStatus = await scanBuffer(needs, held.content.bytes, limits.signal)
    return { ...held, scanStatus: async () => scanStatus }
  } catch (error) {
    await held.release()
    throw error
  }
}

async function spoolAndScan(
  needs: ReceiveNeeds,
  chunks: Chunks,
  { bytes, signal, ...checks }: Checks & { bytes: Readable; signal: AbortSignal },
): Promise<BufferedFile> {
  const scan = startStreamScan(needs, signal)
  const flow = { ...checks, scan, stop: () => bytes.destroy() }
  const spooled = await streamToSpool(needs.spool, chunks, flow).catch((error: unknown) => {
    // Without a spool nobody feeds the scanner, which has a place for this file.
    scan.giveUp()
    throw error
  })
  return { ...spooled, scanStatus: () => scan.finish() }
}
