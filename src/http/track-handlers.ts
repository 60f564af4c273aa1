import type { IncomingMessage } from 'node:http'

import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** Resolves when nothing is done any more for these requests, whether or not anybody hears the answer. */
    handlersDone(requests: Iterable<IncomingMessage>): Promise<void>
  }
}

/**
 * Knows which handlers are at work, also for clients that went away: what they tidy up then needs the database. Node counts
 * connections alone, so that the server's end waits here.
 */
export function trackHandlers(server: FastifyInstance): void {
  const atWork = new Map<IncomingMessage, Promise<void>>()
  const done = async (requests: Iterable<IncomingMessage>) => {
    await Promise.all([...requests].map(async (request) => atWork.get(request)))
  }
  server.decorate('handlersDone', done)
  server.addHook('onClose', async () => done(atWork.keys()))
  server.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = function handleTracked(request, reply) {
      const result: unknown = handler.call(this, request, reply)
      if (result instanceof Promise)
        atWork.set(
          request.raw,
          untilSettled(result, () => atWork.delete(request.raw)),
        )
      return result
    }
  })
}

async function untilSettled(work: Promise<unknown>, settled: () => void): Promise<void> {
  await Promise.allSettled([work])
  settled()
}
