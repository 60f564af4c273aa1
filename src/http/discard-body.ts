import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

import type { FastifyInstance } from 'fastify'

const mostBytes = 1024 * 1024
const mostMilliseconds = 2000

/**
 * After an answer that came before the body was read, up to 1 MiB or 2 s of it is read and thrown away, so that a
 * client that is still sending sees the answer; then the connection ends.
 */
export function discardBody(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (!hasUnreadBody(request.raw)) return payload
    reply.header('connection', 'close')
    if (typeof payload !== 'string') return payload
    // By its length the client knows the answer as whole at once; the connection, which Node ends together with the
    // answer, stays for as long as the rest is read. Ended at once it would be reset, and the answer lost with it.
    reply.header('content-length', Buffer.byteLength(payload))
    return Readable.from(answerThenDiscard(payload, request.raw))
  })
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  return hasBody && !request.complete
}

async function* answerThenDiscard(answer: string, request: IncomingMessage): AsyncGenerator<Buffer> {
  const discarded = discardRest(request)
  yield Buffer.from(answer)
  await discarded
}

/** Resolves at the end of the body, at the limits, or when the client goes. */
function discardRest(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const done = () => {
      clearTimeout(timer)
      request.pause()
      resolve()
    }
    const timer = setTimeout(done, mostMilliseconds)
    request.unpipe()
    request.removeAllListeners('data')
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > mostBytes) done()
    })
    request.once('end', done).once('close', done)
    request.resume()
    if (request.destroyed) done()
  })
}
