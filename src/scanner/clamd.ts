import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import pLimit from 'p-limit'

import type { ClamdAddress } from '../config/load-config.ts'
import type { InconclusiveReason, Scanner, ScannerIdentity, Verdict } from './scanner.ts'

/** Limits of a connection. Tests pass shorter ones. */
export type ClamdLimits = {
  /** The maximum number of concurrent connections. clamd buffers files on its disk and scans them in its own threads. */
  connections: number
  queueMs: number
  connectMs: number
  /** How long clamd may accept no data. */
  stallMs: number
  /** How long a verdict may take, unless the caller passes another limit. */
  verdictMs: number
  /** After a timeout no file is sent to clamd for this time, so that not every upload waits for it. */
  backoffMs: number
}

export const defaultClamdLimits: ClamdLimits = {
  connections: 32,
  queueMs: 10_000,
  connectMs: 3000,
  stallMs: 10_000,
  verdictMs: 30_000,
  backoffMs: 10_000,
}

/** Small enough that a slow scanner does not look stalled. */
const frameBytes = 64 * 1024

type Scan = { bytes: AsyncIterator<Uint8Array>; signal: AbortSignal | undefined; verdictMs: number }

/** Scans with ClamAV's daemon and its `INSTREAM` command, so clamd needs no access to our files. One connection scans one file. */
export function openClamd(address: ClamdAddress, limits: ClamdLimits = defaultClamdLimits): Scanner {
  const limit = pLimit(limits.connections)
  let pausedUntil = 0

  async function scanOnce(scan: Scan): Promise<Verdict> {
    scan.signal?.throwIfAborted()
    const connection = await connectClamd(address, limits)
    if (connection === undefined) return inconclusive('unreachable')
    const onAbort = () => connection.end()
    scan.signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const verdict = await streamFile(connection, scan)
      // After an abort the verdict is only `cut_off`.
      scan.signal?.throwIfAborted()
      return verdict
    } finally {
      scan.signal?.removeEventListener('abort', onAbort)
      connection.end()
    }
  }

  return {
    async scan(bytes, { signal, verdictMs = limits.verdictMs } = {}) {
      const iterator = bytes[Symbol.asyncIterator]()
      try {
        if (Date.now() < pausedUntil) return inconclusive('silent')
        const verdict = await runWhenFree(limit, limits.queueMs, () => scanOnce({ bytes: iterator, signal, verdictMs }))
        if (verdict.kind === 'cannot_say' && verdict.why === 'silent') pausedUntil = Date.now() + limits.backoffMs
        return verdict
      } finally {
        await iterator.return?.()
      }
    },
    async identify() {
      const answer = await ask(address, 'zVERSION\0', limits)
      return answer === undefined ? undefined : parseIdentity(answer)
    },
  }
}

/** Runs the work when a connection is free, or returns `busy` after `queueMs`. */
async function runWhenFree(
  limit: ReturnType<typeof pLimit>,
  queueMs: number,
  work: () => Promise<Verdict>,
): Promise<Verdict> {
  let isTooLate = false
  const { promise: started, resolve: start } = Promise.withResolvers<true>()
  const running = limit(async () => {
    start(true)
    return isTooLate ? inconclusive('busy') : work()
  })
  isTooLate = (await within(queueMs, started)) === undefined
  return isTooLate ? inconclusive('busy') : running
}

async function streamFile(connection: ClamdConnection, scan: Scan): Promise<Verdict> {
  if (!(await connection.send(Buffer.from('zINSTREAM\0')))) return inconclusive('silent')
  for (let next = await scan.bytes.next(); next.done !== true; next = await scan.bytes.next()) {
    for (const frame of framesOf(next.value)) if (!(await connection.send(...frame))) return inconclusive('silent')
    if (!connection.isOpen()) return parseEarlyAnswer(await connection.answer)
  }
  if (!connection.isOpen()) return parseEarlyAnswer(await connection.answer)

  if (!(await connection.send(Buffer.alloc(4)))) return inconclusive('silent')
  const answer = await within(
    scan.verdictMs,
    connection.answer.then((text) => ({ text })),
  )
  if (answer === undefined) return inconclusive('silent')
  return answer.text === undefined ? inconclusive('cut_off') : parseVerdict(answer.text)
}

/** An early answer about an incomplete file is never a verdict, only a reason. */
function parseEarlyAnswer(answer: string | undefined): Verdict {
  if (answer === undefined) return inconclusive('cut_off')
  const verdict = parseVerdict(answer)
  return verdict.kind === 'cannot_say' ? verdict : inconclusive('unclear')
}

/** Frames of a length and its bytes. The bytes are not copied, to avoid garbage during many uploads. */
function* framesOf(chunk: Uint8Array): Generator<Uint8Array[]> {
  for (let start = 0; start < chunk.length; start += frameBytes) {
    const part = chunk.subarray(start, start + frameBytes)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.length)
    yield [length, part]
  }
}

async function ask(address: ClamdAddress, command: string, limits: ClamdLimits): Promise<string | undefined> {
  const connection = await connectClamd(address, limits)
  if (connection === undefined) return undefined
  try {
    await connection.send(Buffer.from(command))
    return await within(limits.stallMs, connection.answer)
  } finally {
    connection.end()
  }
}

function inconclusive(why: InconclusiveReason): Verdict {
  return { kind: 'cannot_say', why }
}

/** Parses clamd's answer to a stream. Only the exact text `stream: OK` means clean. */
function parseVerdict(answer: string): Verdict {
  if (answer === 'stream: OK') return { kind: 'clean' }
  const signature = /^stream: (.+) FOUND$/s.exec(answer)?.[1]
  if (signature !== undefined) return parseFinding(signature)
  return { kind: 'cannot_say', why: /size limit exceeded/i.test(answer) ? 'limits' : 'unclear' }
}

/** With `AlertExceedsMax` and `AlertEncrypted` clamd also reports files as FOUND that it did not scan. */
function parseFinding(signature: string): Verdict {
  if (signature.startsWith('Heuristics.Limits.Exceeded')) return { kind: 'cannot_say', why: 'limits' }
  if (/^Heuristics\.Encrypted\b/.test(signature)) return { kind: 'cannot_say', why: 'encrypted' }
  return { kind: 'infected', signature }
}

/** `ClamAV 1.4.6/27401/Thu Sep  5 08:12:00 2026`: the number is the version of the daily signatures. */
function parseIdentity(answer: string): ScannerIdentity | undefined {
  const [, name, signatures] = /^(ClamAV [^/\s]+)(?:\/(\d+)\/.*)?$/s.exec(answer) ?? []
  if (name === undefined) return undefined
  return { name, signatures: signatures === undefined ? undefined : Number(signatures) }
}

/** No answer of clamd is longer. */
const maxAnswerBytes = 4096

type ClamdConnection = {
  /** The complete answer without its final NUL. Undefined when the connection ended before. Never rejects. */
  answer: Promise<string | undefined>
  /** False after an answer or the end of the connection. Then no more data is needed. */
  isOpen(): boolean
  /**
   * Sends chunks together. True when more may be sent, when clamd answered, or when the connection ended; false when clamd
   * accepts no data for `stallMs`.
   */
  send(...chunks: Uint8Array[]): Promise<boolean>
  end(): void
}

/** Undefined when clamd does not accept the connection in time. */
async function connectClamd(
  address: ClamdAddress,
  { connectMs, stallMs }: ClamdLimits,
): Promise<ClamdConnection | undefined> {
  const socket = connect({ ...address, noDelay: true })
  const answer = readAnswer(socket)
  const isConnected = await within(
    connectMs,
    Promise.race([once(socket, 'connect').then(() => true), answer]).catch(() => undefined),
  )
  if (isConnected !== true) {
    socket.destroy()
    return undefined
  }
  let isEnded = false
  void answer.then(() => (isEnded = true))
  return {
    answer,
    isOpen: () => !isEnded,
    async send(...chunks) {
      if (isEnded) return true
      socket.cork()
      const mayContinue = chunks.map((chunk) => socket.write(chunk)).at(-1)
      socket.uncork()
      if (mayContinue === true) return true
      const drained = Promise.race([once(socket, 'drain').catch(() => undefined), answer]).then(() => true)
      return (await within(stallMs, drained)) === true
    },
    end: () => void socket.destroy(),
  }
}

function readAnswer(socket: Socket): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const end = text.indexOf('\0')
    if (end !== -1) resolve(text.slice(0, end).trim())
    else if (text.length > maxAnswerBytes) resolve(undefined)
  })
  // An answer without its NUL is incomplete.
  socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined))
  return promise
}

/** The promise's value, or undefined after the timeout. */
async function within<Value>(ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
