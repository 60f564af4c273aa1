import type { AddressInfo } from 'node:net'

import type { FastifyInstance } from 'fastify'

import { buildApi } from '../../../src/bin/api.ts'
import { sceneOfFile } from './scene-of-file.ts'
import { startService, type TestService } from './start-service.ts'

export type ServerWithRoutes = { service: TestService; server: FastifyInstance; url: string }

/** A server with a readable list of its routes, for the tests of a file. The same server answers at `url`. */
export function serverWithRoutes(settings: Record<string, string> = {}): ServerWithRoutes {
  return sceneOfFile(async (closing) => {
    const service = await startService(settings)
    closing.defer(() => service.stop())
    const server = await buildApi(service.app)
    closing.defer(() => server.close())
    await server.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.server.address() as AddressInfo // it listens on a port
    return { service, server, url: `http://127.0.0.1:${port}` }
  })
}
