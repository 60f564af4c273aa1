import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Replaces the platform's API: answers everything, with its name. */
export type StubPlatform = {
  port: number
  /** The received requests. */
  asked: { method: string; path: string; headers: IncomingHttpHeaders }[]
  close(): Promise<void>
}

export async function startStubPlatform(): Promise<StubPlatform> {
  const asked: StubPlatform['asked'] = []
  const server = createServer(({ method = '', url: path = '', headers }, answer) => {
    asked.push({ method, path, headers })
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ answered_by: 'platform' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // the address of a TCP listener
    port: (server.address() as AddressInfo).port,
    asked,
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}
