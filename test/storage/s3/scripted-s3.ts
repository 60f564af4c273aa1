import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { S3Config } from '../../../src/config/load-config.ts'

export type Asked = { call: string; headers: IncomingMessage['headers']; url: URL; body: Buffer }

/** The server's reaction to a request: an answer, or the end of the connection before one. */
export type Turn =
  | { status: number; headers?: Record<string, string>; body?: string | Uint8Array }
  /** An answer that is cut off after its beginning. */
  | { begin: Uint8Array; of: number }
  | 'lose_the_answer'
  /** A rejection while the body is still arriving. */
  | { early: number; body: string }

export type ScriptedS3 = {
  config: S3Config
  /** All complete requests, in order. */
  asked: Asked[]
  /** Open connections. */
  connections(): Promise<number>
  close(): Promise<void>
}

/**
 * A server with the answers that Amazon S3 documents and the test gateway cannot give. Each call has a list of answers;
 * the last one repeats. A call is named by its method and its query, as `PUT partNumber`.
 */
export async function startScriptedS3(script: Record<string, Turn[]>): Promise<ScriptedS3> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://scripted')
    const call = callOf(request.method ?? '', url)
    const turns = script[call] ?? []
    const turn = (turns.length > 1 ? turns.shift() : turns[0]) ?? { status: 501 }
    play(turn, { request, response, note: (body) => asked.push({ call, url, headers: request.headers, body }) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // the address of a TCP listener
  const { port } = server.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`

  return {
    config: {
      bucket: 'documents',
      region: 'af-south-1',
      endpoint,
      publicEndpoint: endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-secret' },
      cloudFront: undefined,
    },
    asked,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
      }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function callOf(method: string, url: URL): string {
  const named = ['partNumber', 'uploads', 'uploadId'].find((name) => url.searchParams.has(name))
  return named === undefined ? method : `${method} ${named}`
}

type Stage = { request: IncomingMessage; response: ServerResponse; note: (body: Buffer) => void }

function play(turn: Turn, { request, response, note }: Stage): void {
  if (typeof turn === 'object' && 'early' in turn) {
    request.once('data', () => response.writeHead(turn.early).end(turn.body))
    return
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    note(Buffer.concat(chunks))
    answer(turn, request, response)
  })
}

function answer(turn: Exclude<Turn, { early: number }>, request: IncomingMessage, response: ServerResponse): void {
  if (turn === 'lose_the_answer') {
    request.socket.destroy()
  } else if ('begin' in turn) {
    response.writeHead(200, { 'content-length': turn.of }).write(turn.begin, () => request.socket.destroySoon())
  } else {
    response.writeHead(turn.status, turn.headers).end(turn.body)
  }
}

/** The body of an error, as S3 writes it. */
export function errorBody(code: string, more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>Words.</Message>${more}</Error>`
}
