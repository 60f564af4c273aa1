import type { FastifyReply, FastifyRequest } from 'fastify'

/** Aborts when the client goes away before its answer is out. */
export function signalOfClient(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  const gone = () => {
    if (!reply.raw.writableFinished) controller.abort(new Error('the client went away'))
  }
  reply.raw.once('close', gone)
  request.raw.once('error', gone)
  return controller.signal
}
