import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'

import type { App } from '../../../src/app.ts'
import { buildApi } from '../../../src/bin/api.ts'

export type RawAnswer = { status: number | undefined; head: string; body: string }

export type RawConnection = {
  /** Resolves when the bytes are written; false if the other side accepts no more. */
  send(bytes: Buffer | string): Promise<boolean>
  /** Ends the sending side. */
  finish(): void
  /** Disconnects without a message. */
  drop(): void
  /** All received bytes, once the other side has ended or reset the connection. */
  answer: Promise<RawAnswer>
}

/** A connection on which a test sends any bytes, including those that no client library would send. */
export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  const heard: Buffer[] = []
  socket.on('data', (chunk: Buffer) => void heard.push(chunk)).on('error', () => undefined)
  const answer = new Promise<RawAnswer>((resolve) => {
    socket.once('close', () => resolve(parse(Buffer.concat(heard).toString())))
  })
  await once(socket, 'connect')

  return {
    send: (bytes) => sendOn(socket, bytes),
    finish: () => void socket.end(),
    drop: () => void socket.destroy(),
    answer,
  }
}

// A write that is interrupted by a reset gets the error in its callback too.
function sendOn(socket: Socket, bytes: Buffer | string): Promise<boolean> {
  if (!socket.writable) return Promise.resolve(false)
  return new Promise((resolve) => void socket.write(bytes, (error) => resolve(!(error instanceof Error))))
}

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]
  return { status: status === undefined ? undefined : Number(status), head, body: rest.join('\r\n\r\n') }
}

/** The head of an upload. The test sends the rest. */
export function uploadHead(firmId: string, authorization: string, ...headers: string[]): string {
  return [
    `POST /api/v1/security-firms/${firmId}/documents?document_type=tax_clearance HTTP/1.1`,
    'Host: documents.example',
    `Authorization: ${authorization}`,
    'Content-Type: multipart/form-data; boundary=cut',
    ...headers,
    '',
    '',
  ].join('\r\n')
}

export const formStart =
  '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
export const formEnd = '\r\n--cut--\r\n'

export function asChunk(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes)
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')])
}

export type WatchedServer = {
  url: string
  /** By the server, over all its connections. */ bytesRead(): number
  stop(): Promise<void>
}

/** The same app at another address, which shows how much the server reads. */
export async function serveWatched(app: App): Promise<WatchedServer> {
  const server = await buildApi(app)
  const sockets: Socket[] = []
  server.server.on('connection', (socket: Socket) => void sockets.push(socket))
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo // it listens on a port
  return {
    url: `http://127.0.0.1:${port}`,
    bytesRead: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0),
    stop: () => server.close(),
  }
}
