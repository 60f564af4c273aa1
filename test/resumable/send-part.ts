import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import type { Person } from '../support/people/people.ts'

export type OpenPiece = {
  /** Disconnects like a phone that loses its connection. */
  cut(): void
  /** Resolves when the service closed the connection. */
  closed: Promise<unknown>
}

type Started = { offset: number; piece: Buffer; sentBytes: number }

/** Sends a piece up to a point and leaves its connection open. */
export async function sendPart(
  address: string,
  { headers }: Person,
  { offset, piece, sentBytes }: Started,
): Promise<OpenPiece> {
  const { hostname, port, pathname } = new URL(address)
  const socket: Socket = connect(Number(port), hostname)
  // Without a reader it would not notice the end.
  socket.on('error', () => undefined).resume()
  const closed = once(socket, 'close').catch(() => undefined)
  await once(socket, 'connect')
  socket.write(
    [
      `PATCH ${pathname} HTTP/1.1`,
      'Host: x',
      `Authorization: ${headers.authorization}`,
      'Tus-Resumable: 1.0.0',
      'Content-Type: application/offset+octet-stream',
      `Upload-Offset: ${offset}`,
      `Content-Length: ${piece.length}`,
      '\r\n',
    ].join('\r\n'),
  )
  await new Promise((resolve) => void socket.write(piece.subarray(0, sentBytes), resolve))
  return { cut: () => void socket.destroy(), closed }
}
