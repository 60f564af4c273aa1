import type { FastifyInstance } from 'fastify'

import { closeUnreadResponses, discardBody } from './unread-bodies-and-silence.ts'
import { type BodyLimits, defaultBodyLimits, limitBodies } from './limit-bodies.ts'
import { trackHandlers } from './stop-serving.ts'

/** More connections are closed at once: one costs up to 40 KB of memory before its first request is complete. */
const maxConnections = 8000

/** Maximum time without a byte of a body that arrives; a phone that changes its cell is silent for less. */
export const defaultMaxSilenceSeconds = 30

type Limits = { maxSilenceSeconds: number; bodies?: BodyLimits | undefined }

/** The limits of connections, of bodies in memory and of silence, and what closes a connection. */
export function limitConnections(server: FastifyInstance, { maxSilenceSeconds, bodies }: Limits): void {
  server.server.maxConnections = maxConnections
  discardBody(server)
  limitBodies(server, bodies ?? defaultBodyLimits)
  // The system buffers megabytes, so the progress of a slow reader shows later than that of a slow sender.
  closeUnreadResponses(server, 4 * maxSilenceSeconds)
  closeIdleAfterResponse(server)
  trackHandlers(server)
}

/** Node closes only the connections that are idle when the server closes; a running download would keep its connection open. */
function closeIdleAfterResponse(server: FastifyInstance): void {
  let isClosing = false
  server.addHook('preClose', async () => void (isClosing = true))
  server.addHook('onResponse', (_request, _reply, done) => {
    // The connection is idle one turn later.
    if (isClosing) setImmediate(() => server.server.closeIdleConnections())
    done()
  })
}
