import type { FastifyInstance } from 'fastify'

/** A request that expects what nobody offers is answered as if it did not, as RFC 9110 (10.1.1) allows: Node's own 417 has neither words nor a request id. */
export function ignoreExpectations({ server }: FastifyInstance): void {
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}
