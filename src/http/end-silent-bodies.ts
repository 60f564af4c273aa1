import type { FastifyInstance } from 'fastify'

import { watchSilence } from './watch-silence.ts'

/**
 * Ends the connection of a body that is sent no further, so that it can hold up neither its connection nor the server's
 * end. Forms are left to the upload, which can answer.
 */
export function endSilentBodies(server: FastifyInstance, mostSeconds: number): void {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const isForm = request.headers['content-type']?.startsWith('multipart/form-data') === true
    if (!isForm && !request.raw.complete) watchSilence(request.raw, mostSeconds, () => request.raw.destroy())
    done(null, payload)
  })
}
