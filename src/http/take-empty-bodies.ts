import type { FastifyInstance } from 'fastify'

/** Takes an empty body that is called JSON as none, as some clients send with every POST, for the routes of this plugin. */
export function takeEmptyBodies(server: FastifyInstance): void {
  const parseJson = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null)
    else void parseJson(request, body, done)
  })
}
