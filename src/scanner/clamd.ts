import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import pLimit from 'p-limit'

import type { ClamdAddress } from '../config/config.ts'
import type { InconclusiveReason, Scanner, ScannerIdentity, Verdict } from './scanner.ts'

/** Tests wait less. */
export type ClamdLimits = {
  /** Files that are sent to it at once; more wait. It keeps what it is sent on its disk, and has threads of its own for the scans. */
  connections: number
  queueMs: number
  connectMs: number
  /** How long it may take nothing of what is sent. */
  stallMs: number
  /** How long a verdict may take, unless the one who asks says so. */
  verdictMs: number
  /** For how long a scanner that did not answer in time is left alone, so that not every upload waits for it in vain. */
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

/** Small enough that a scanner which takes some, however slowly, is never taken for one that takes nothing. */
const frameBytes = 64 * 1024

type Scan = { bytes: AsyncIterator<Uint8Array>; signal: AbortSignal | undefined; verdictMs: number }

/** ClamAV's daemon, by its `INSTREAM`: it needs no way to our files, so it may run anywhere. One connection is one file. */
export function openClamd(address: ClamdAddress, limits: ClamdLimits = defaultClamdLimits): Scanner {
  const inTurn = pLimit(limits.connections)
  let restsUntil = 0

  async function scanOnce(scan: Scan): Promise<Verdict> {
    scan.signal?.throwIfAborted()
    const connection = await connectClamd(address, limits.connectMs)
    if (connection === undefined) return cannotSay('unreachable')
    const onAbort = () => connection.end()
    scan.signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const verdict = await converse(connection, scan, limits)
      // An aborted connection looks like one that was cut off.
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
        if (Date.now() < restsUntil) return cannotSay('silent')
        const verdict = await takeTurn(inTurn, limits.queueMs, () => scanOnce({ bytes: iterator, signal, verdictMs }))
        if (verdict.kind === 'cannot_say' && verdict.why === 'silent') restsUntil = Date.now() + limits.backoffMs
        return verdict
      } finally {
        await iterator.return?.()
      }
    },
    async identify() {
      const answer = await ask(address, 'zVERSION\0', limits)
      return answer === undefined ? undefined : identityOf(answer)
    },
  }
}

/** Runs the work when there is a connection for it; who waited too long is told so, and its turn passes. */
async function takeTurn(
  inTurn: ReturnType<typeof pLimit>,
  queueMs: number,
  work: () => Promise<Verdict>,
): Promise<Verdict> {
  let isTooLate = false
  const { promise: begun, resolve: begin } = Promise.withResolvers<true>()
  const running = inTurn(async () => {
    begin(true)
    return isTooLate ? cannotSay('busy') : work()
  })
  isTooLate = (await passes(queueMs, begun)) === undefined
  return isTooLate ? cannotSay('busy') : running
}

async function converse(connection: ClamdConnection, scan: Scan, limits: ClamdLimits): Promise<Verdict> {
  if (!(await sendInTime(connection, [Buffer.from('zINSTREAM\0')], limits))) return cannotSay('silent')
  for (let next = await scan.bytes.next(); next.done !== true; next = await scan.bytes.next()) {
    for (const frame of framesOf(next.value))
      if (!(await sendInTime(connection, frame, limits))) return cannotSay('silent')
    if (!connection.isOpen()) return judgeEarly(await connection.answer)
  }
  if (!connection.isOpen()) return judgeEarly(await connection.answer)

  await connection.send(Buffer.alloc(4))
  const answer = await passes(
    scan.verdictMs,
    connection.answer.then((text) => ({ text })),
  )
  if (answer === undefined) return cannotSay('silent')
  return answer.text === undefined ? cannotSay('cut_off') : judgeAnswer(answer.text)
}

/** Of an answer to what was not sent to its end, nothing can be said but why. */
function judgeEarly(answer: string | undefined): Verdict {
  if (answer === undefined) return cannotSay('cut_off')
  const verdict = judgeAnswer(answer)
  return verdict.kind === 'cannot_say' ? verdict : cannotSay('unclear')
}

/** A length and so many bytes, again and again; they are not copied, since fifty uploads at once would leave them all as garbage. */
function* framesOf(piece: Uint8Array): Generator<Uint8Array[]> {
  for (let start = 0; start < piece.length; start += frameBytes) {
    const part = piece.subarray(start, start + frameBytes)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.length)
    yield [length, part]
  }
}

async function sendInTime(
  connection: ClamdConnection,
  pieces: Uint8Array[],
  { stallMs }: ClamdLimits,
): Promise<boolean> {
  return (
    (await passes(
      stallMs,
      connection.send(...pieces).then(() => true),
    )) === true
  )
}

async function ask(address: ClamdAddress, command: string, limits: ClamdLimits): Promise<string | undefined> {
  const connection = await connectClamd(address, limits.connectMs)
  if (connection === undefined) return undefined
  try {
    await connection.send(Buffer.from(command))
    return await passes(limits.stallMs, connection.answer)
  } finally {
    connection.end()
  }
}

function cannotSay(why: InconclusiveReason): Verdict {
  return { kind: 'cannot_say', why }
}

/** What clamd says of a stream. Only its exact word makes a file clean. */
function judgeAnswer(answer: string): Verdict {
  if (answer === 'stream: OK') return { kind: 'clean' }
  const signature = /^stream: (.+) FOUND$/s.exec(answer)?.[1]
  if (signature !== undefined) return judgeFind(signature)
  return { kind: 'cannot_say', why: /size limit exceeded/i.test(answer) ? 'limits' : 'unclear' }
}

/** With `AlertExceedsMax` and `AlertEncrypted` clamd calls a find what it did not look at. */
function judgeFind(signature: string): Verdict {
  if (signature.startsWith('Heuristics.Limits.Exceeded')) return { kind: 'cannot_say', why: 'limits' }
  if (/^Heuristics\.Encrypted\b/.test(signature)) return { kind: 'cannot_say', why: 'encrypted' }
  return { kind: 'infected', signature }
}

/** `ClamAV 1.4.6/27401/Thu Sep  5 08:12:00 2026`: the number is that of the daily signatures. */
function identityOf(answer: string): ScannerIdentity | undefined {
  const [, name, signatures] = /^(ClamAV [^/\s]+)(?:\/(\d+)\/.*)?$/s.exec(answer) ?? []
  if (name === undefined) return undefined
  return { name, signatures: signatures === undefined ? undefined : Number(signatures) }
}

/** No answer of clamd's is longer: a name, a word, a NUL. */
const mostBytesOfAnswer = 4096

type ClamdConnection = {
  /** Whole, without the NUL that ends it; undefined when the connection ended before. Never rejects. */
  answer: Promise<string | undefined>
  /** False once an answer is there or the connection is gone: then nothing more need be sent. */
  isOpen(): boolean
  /** Sends pieces as one. Resolves when clamd took so much that more may be sent, when it answered, or when it is gone. */
  send(...pieces: Uint8Array[]): Promise<void>
  end(): void
}

/** Undefined when nobody takes the connection in time. */
async function connectClamd(address: ClamdAddress, withinMs: number): Promise<ClamdConnection | undefined> {
  const socket = connect({ ...address, noDelay: true })
  const answer = readAnswer(socket)
  const isThere = await passes(
    withinMs,
    Promise.race([once(socket, 'connect').then(() => true), answer]).catch(() => undefined),
  )
  if (isThere !== true) {
    socket.destroy()
    return undefined
  }
  let isOver = false
  void answer.then(() => (isOver = true))
  return {
    answer,
    isOpen: () => !isOver,
    async send(...pieces) {
      if (isOver) return
      socket.cork()
      const isRoom = pieces.map((piece) => socket.write(piece)).at(-1)
      socket.uncork()
      if (isRoom === true) return
      await Promise.race([once(socket, 'drain').catch(() => undefined), answer])
    },
    end: () => void socket.destroy(),
  }
}

function readAnswer(socket: Socket): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  let text = ''
  socket.on('data', (piece: Buffer) => {
    text += piece.toString('latin1')
    const end = text.indexOf('\0')
    if (end !== -1) resolve(text.slice(0, end).trim())
    else if (text.length > mostBytesOfAnswer) resolve(undefined)
  })
  // Without its NUL an answer may be the beginning of another one.
  socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined))
  return promise
}

/** What the promise says, or undefined when it does not say anything in time. */
async function passes<Value>(ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
