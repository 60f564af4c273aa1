import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { Webhook } from 'standardwebhooks'
import { expect } from 'vitest'

export type Received = { headers: IncomingHttpHeaders; body: string; at: number }

export type Receiver = {
  url: string
  port: number
  /** Every request with its body, in the order of arrival. */
  received: Received[]
  /** Answers the next requests; 204 by default. */
  answer: (how: (response: ServerResponse, request: Received) => void) => void
  close: () => Promise<void>
}

/** A real HTTP server that receives webhooks. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = []
  let how = (response: ServerResponse, _request: Received): void => {
    response.writeHead(204).end()
  }
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = { headers: request.headers, body: await text(request), at: Date.now() }
    received.push(one)
    how(response, one)
  }
  const server = createServer((request, response) => void receive(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // The address of a TCP listener.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    port,
    received,
    answer(next) {
      how = next
    },
    async close() {
      server.closeAllConnections()
      server.close()
      if (server.listening) await once(server, 'close')
    },
  }
}

export type WebhookBody = { type: string; timestamp: string; data: Record<string, unknown> }

/** Waits until this many requests have arrived, and verifies each as a receiver does, with the library of Standard Webhooks. */
export async function verifyReceived({ received }: Receiver, secret: string, count: number): Promise<WebhookBody[]> {
  await expect.poll(() => received.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count)
  const webhook = new Webhook(secret)
  // The library returns the parsed body, which the service writes in this shape.
  return received.map(({ body, headers }) => webhook.verify(body, headers as Record<string, string>) as WebhookBody)
}
