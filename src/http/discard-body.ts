import type { IncomingMessage } from 'node:http'

import type { FastifyInstance } from 'fastify'

const mostBytes = 1024 * 1024
const mostMilliseconds = 2000

/**
 * After an answer that came before the body was read, up to 1 MiB or 2 s of it is read and thrown away, so that a
 * client that is still sending sees the answer; then the connection ends.
 */
export function discardBody(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (hasUnreadBody(request.raw)) {
      reply.header('connection', 'close')
      readAndDiscard(request.raw)
    }
    return payload
  })
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  return hasBody && !request.complete
}

function readAndDiscard(request: IncomingMessage): void {
  let bytes = 0
  const end = () => request.destroy()
  const timer = setTimeout(end, mostMilliseconds)
  request.unpipe()
  request.removeAllListeners('data')
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > mostBytes) end()
  })
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  request.resume()
}
