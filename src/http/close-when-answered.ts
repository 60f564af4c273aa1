import type { FastifyInstance } from 'fastify'

/**
 * Ends each kept connection once its last answer is out while the server closes. Node ends only those that are idle at
 * the moment of closing; one whose download was still under way would hold up the end for its whole keep-alive time.
 */
export function closeWhenAnswered(server: FastifyInstance): void {
  let isClosing = false
  server.addHook('preClose', async () => {
    isClosing = true
  })
  server.addHook('onResponse', async () => {
    // One turn later the answer has left its connection.
    if (isClosing) setImmediate(() => server.server.closeIdleConnections())
  })
}
