import type { FastifyInstance } from 'fastify'

import { AppError } from '../errors.ts'

/** HTTP/1.1 wants a request without a host refused (RFC 9112, 3.2). Node would do so without words and without a request id. */
export function requireHost(server: FastifyInstance): void {
  server.addHook('onRequest', async ({ raw }) => {
    if (raw.httpVersion === '1.1' && raw.headers.host === undefined)
      throw new AppError('bad_request', 'The request names no host. HTTP/1.1 wants one in the header "Host".')
  })
}
