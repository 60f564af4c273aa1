import type { FastifyRequest } from 'fastify'

/** Where a request comes from. A client that has gone already has no address any more, whatever the framework's type says. */
export function addressOf(request: FastifyRequest): string {
  const address = request.ip as string | undefined
  return address ?? 'gone'
}
