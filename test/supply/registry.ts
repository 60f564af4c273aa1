import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'

export type Advisory = { id: number; title: string; severity: string; vulnerable_versions: string; url: string }

export type TestRegistry = { url: string; /** What it was asked about. */ asked: string[][]; close(): Promise<void> }

/**
 * A registry with one package in the given versions, which answers npm's audit request with these vulnerabilities.
 * Without any it does not support the request, and a silent one never answers it.
 */
export async function openRegistry(
  known: { name: string; versions: string[] },
  advisories: Advisory[] | 'silence' | undefined,
): Promise<TestRegistry> {
  const asked: string[][] = []
  const server = createServer((request, response) => {
    answerTo(request).then(
      ({ status, body }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      () => response.writeHead(400).end(),
    )
  })

  async function answerTo(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    if (request.method === 'GET') return { status: 200, body: packument(known) }
    if (advisories === undefined || request.url !== '/-/npm/v1/security/advisories/bulk')
      return { status: 405, body: {} }
    if (advisories === 'silence') return await new Promise(() => undefined)
    const isPacked = request.headers['content-encoding'] === 'gzip'
    const names = await json(isPacked ? request.pipe(createGunzip()) : request)
    asked.push(Object.keys(names as object)) // the names of the packages in the request
    return { status: 200, body: advisories.length === 0 ? {} : { [known.name]: advisories } }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, // it listens on a port
    asked,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

function packument({ name, versions }: { name: string; versions: string[] }): object {
  return { name, versions: Object.fromEntries(versions.map((version) => [version, { name, version }])) }
}
