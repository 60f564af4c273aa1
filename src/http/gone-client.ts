import type { FastifyReply, FastifyRequest } from 'fastify'

import { AppError } from '../errors.ts'
import { watchSilence } from './watch-silence.ts'

/** Aborts when the client goes away before its answer is out, or sends nothing for longer than allowed. */
export function signalOfClient(
  request: FastifyRequest,
  reply: FastifyReply,
  { mostSecondsOfSilence }: { mostSecondsOfSilence: number },
): AbortSignal {
  const controller = new AbortController()
  const gone = () => {
    if (!reply.raw.writableFinished)
      controller.abort(new AppError('bad_request', 'The upload was cut off before its end. Send it again.'))
  }
  reply.raw.once('close', gone)
  request.raw.once('error', gone)
  // Whoever left while we asked for rights has closed already.
  if (request.raw.destroyed || reply.raw.closed) gone()

  watchSilence(request.raw, mostSecondsOfSilence, () =>
    controller.abort(
      new AppError(
        'bad_request',
        `The upload stalled: nothing came for ${mostSecondsOfSilence} seconds. Look at the connection and send it again.`,
      ),
    ),
  )
  return controller.signal
}
