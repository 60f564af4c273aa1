import { connect } from 'node:net'

import { type Answer, readAnswers } from './http-answers.ts'
import { refute } from './refute.ts'

/** The bytes for one connection, in pieces, and the client's action after them. */
export type Sent = {
  pieces: Buffer[]
  /** `wait` for the answer; `end` its side, like a client with nothing more to send; or disconnect. */
  ending: 'wait' | 'end' | 'go'
}

export type Heard = { bytes: Buffer; how: 'closed' | 'reset' | 'left_hanging' }

/** Far longer than any answer that does arrive. */
const maxMs = 45_000

/** Sends exactly these bytes over a new connection, and reads until the other side ends it. */
export function sendBytes(url: string, { pieces, ending }: Sent): Promise<Heard> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  const heard: Buffer[] = []
  let wasReset = false
  return new Promise((resolve) => {
    const end = (how: Heard['how']) => {
      clearTimeout(patience)
      socket.destroy()
      resolve({ bytes: Buffer.concat(heard), how })
    }
    const patience = setTimeout(() => end('left_hanging'), maxMs)
    socket.on('data', (chunk: Buffer) => void heard.push(chunk))
    socket.on('error', () => (wasReset = true))
    socket.once('close', () => end(wasReset ? 'reset' : 'closed'))
    // Sends the next piece after the previous one was written, so that the other side reads them one by one.
    const sendNext = (index: number) => {
      const piece = pieces[index]
      if (piece !== undefined && socket.writable) socket.write(piece, () => setImmediate(sendNext, index + 1))
      else if (ending === 'end') socket.end()
      else if (ending === 'go') end('closed')
    }
    socket.once('connect', () => sendNext(0))
  })
}

/** The answer to one complete request: exactly one valid answer. */
export function onlyAnswer({ bytes, how }: Heard, method: string): Answer {
  refute([how === 'left_hanging', 'the connection was left hanging'])
  const [answer, ...others] = readAnswers(bytes, [method])
  if (answer === undefined || others.length > 0) throw new Error(`no answer, or several (${how})`)
  return answer
}

/** Cuts bytes at these places, given as shares of the whole between 0 and 1000. */
export function cutAt(bytes: Buffer, permille: number[]): Buffer[] {
  const places = permille.map((each) => Math.floor((bytes.length * each) / 1000)).toSorted((a, b) => a - b)
  const bounds = [0, ...places, bytes.length]
  return bounds
    .slice(1)
    .map((end, index) => bytes.subarray(bounds[index], end))
    .filter((piece) => piece.length > 0)
}
