import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { Webhook, WebhookVerificationError } from 'standardwebhooks'

export type WebhookEvent = { type: string; timestamp: string; data: { document_id?: string; firm_id?: string } }

/** Receives webhooks on this machine, verifies each, and passes it on once. */
export async function startReceiver(onEvent: (event: WebhookEvent) => void) {
  let webhook: Webhook | undefined
  // An event may arrive more than once. A real application stores the ids in its database.
  const seen = new Set<string>()

  async function receive(request: IncomingMessage): Promise<number> {
    const body = await text(request)
    if (webhook === undefined) return 503
    const id = String(request.headers['webhook-id'])
    try {
      const event = webhook.verify(body, request.headers as Record<string, string>) as WebhookEvent
      if (!seen.has(id)) onEvent(event)
      seen.add(id)
      return 204
    } catch (error) {
      return error instanceof WebhookVerificationError ? 401 : 500
    }
  }

  const server = createServer((request, response) => {
    void receive(request).then((status) => response.writeHead(status).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of a TCP server
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    /** The secret is known after the registration of the URL. */
    useSecret: (secret: string) => void (webhook = new Webhook(secret)),
    close: () => server.close().closeAllConnections(),
  }
}
