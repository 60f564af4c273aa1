import type { FastifyInstance } from 'fastify'

/** Takes an empty body that is called JSON as none: many clients call every request so, also one that has nothing to say. */
export function takeEmptyBodies(server: FastifyInstance): void {
  const parseJson = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null)
    else void parseJson(request, body, done)
  })
}
