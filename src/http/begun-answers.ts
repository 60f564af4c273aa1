import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import type { FastifyInstance } from 'fastify'

/** Whoever follows an answer to its end listens once, the framework and Node's streams too; Node takes eleven for a leak. */
const mostListeners = 30

const answersOf = new WeakMap<Socket, Set<ServerResponse>>()

/** Knows of each connection what is asked over it and not yet answered: a client may ask again without waiting. */
export function keepBegunAnswers(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    reply.raw.setMaxListeners(mostListeners)
    const answers = answersOf.get(socket) ?? new Set()
    answersOf.set(socket, answers.add(reply.raw))
    reply.raw.once('close', () => answers.delete(reply.raw))
    done()
  })
}

/** An answer of which a part is out: whatever is written now would be taken for the rest of it. */
export function findBegunAnswer(socket: Socket): ServerResponse | undefined {
  return answersOf
    .get(socket)
    ?.values()
    .find(({ headersSent }) => headersSent)
}
