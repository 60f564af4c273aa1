import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import type { ClamdAddress } from '../config.ts'

/** No answer of clamd's is longer: a name, a word, a NUL. */
const mostBytesOfAnswer = 4096

export type ClamdConnection = {
  /** Whole, without the NUL that ends it; undefined when the connection ended before. Never rejects. */
  answer: Promise<string | undefined>
  /** False once an answer is there or the connection is gone: then nothing more need be sent. */
  isOpen(): boolean
  /** Sends pieces as one. Resolves when clamd took so much that more may be sent, when it answered, or when it is gone. */
  send(...pieces: Uint8Array[]): Promise<void>
  end(): void
}

/** Undefined when nobody takes the connection in time. */
export async function connectClamd(address: ClamdAddress, withinMs: number): Promise<ClamdConnection | undefined> {
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
export async function passes<Value>(ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
