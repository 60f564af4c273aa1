import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

import { onTestFinished } from 'vitest'

export type CannedAnswer = { status: number; headers?: Record<string, string>; body?: string }

type Options = {
  /** The store that gets the other requests. */
  behind?: string
  /** Answers instead of the store, or never; undefined forwards the request. */
  answer?: (call: string, body: string) => CannedAnswer | 'silence' | undefined
  /** Replaces the body for the store by one of the same length. */
  spoil?: (call: string, body: Buffer) => Buffer
  /** Moves the `Date` of every answer by this time: a store with another clock. */
  movedClockMs?: number
}

/** An S3 address that answers some calls itself and forwards the rest, unchanged, to a real store. */
export async function openStoreInBetween(options: Options): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    handle(options, incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  // the address of a TCP listener
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

async function handle(options: Options, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const date = new Date(Date.now() + (options.movedClockMs ?? 0)).toUTCString()
  const body = await buffer(incoming)
  const canned = options.answer?.(nameCall(incoming), body.toString())
  if (canned === 'silence') return
  if (canned !== undefined) {
    outgoing.writeHead(canned.status, { 'content-type': 'application/xml', date, ...canned.headers })
    outgoing.end(canned.body)
    return
  }
  if (options.behind === undefined) throw new Error('nobody answers this call')

  const { hostname, port } = new URL(options.behind)
  const { method, url: path, headers } = incoming
  const onward = request({ hostname, port, method, path, headers })
  const [[answer]] = await Promise.all([
    // the first and only argument of the event
    once(onward, 'response') as Promise<[IncomingMessage]>,
    pipeline([options.spoil?.(nameCall(incoming), body) ?? body], onward),
  ])
  outgoing.writeHead(answer.statusCode ?? 500, { ...answer.headers, date })
  await pipeline(answer, outgoing)
}

const kinds = [
  'cors',
  'uploads',
  'partNumber',
  'uploadId',
  'X-Amz-Signature',
  'versioning',
  'publicAccessBlock',
  'encryption',
  'policy',
  'lifecycle',
  'replication',
]

/** `GET bucket`, `PUT object`, `POST object?uploads`: the kind of call, without names and signatures. */
function nameCall({ method, url = '' }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'http://store.example')
  const target = pathname.split('/').filter(Boolean).length > 1 ? 'object' : 'bucket'
  const kind = kinds.find((name) => searchParams.has(name))
  return `${method} ${target}${kind === undefined ? '' : `?${kind}`}`
}

/** An error as Amazon documents it. */
export function refusal(status: number, code: string, more = '', headers: Record<string, string> = {}): CannedAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Refused.</Message>${more}<RequestId>4442587FB7D0A2F9</RequestId></Error>`
  return { status, headers, body }
}
