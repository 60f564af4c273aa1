import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

import type { FastifyInstance } from 'fastify'

/**
 * Ends the connection of a file that its reader takes no further: it would hold the file, a connection and the service's
 * end for as long as somebody likes. Whoever reads on, however slowly, gets all of it.
 */
export function endUnreadAnswers(server: FastifyInstance, mostSeconds: number): void {
  server.addHook('onSend', async (_request, reply, payload) => {
    if (payload instanceof Readable) watchReader(reply.raw, mostSeconds)
    return payload
  })
}

function watchReader(answer: ServerResponse, seconds: number): void {
  // Its reader left while we were still at work: it closes no second time.
  if (answer.closed || answer.destroyed) return
  let seen = 0
  let quietSince = performance.now()
  const look = () => {
    const taken = answer.socket?.bytesWritten ?? 0
    // Nothing that waits in our buffers: then it is the file that is waited for, and not its reader.
    if (answer.writableLength === 0 || taken !== seen) {
      seen = taken
      quietSince = performance.now()
    } else if (performance.now() - quietSince >= seconds * 1000) {
      answer.destroy()
    }
  }
  const timer = setInterval(look, (seconds * 1000) / 10)
  answer.once('close', () => clearInterval(timer))
}
