import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

import type { FastifyInstance } from 'fastify'

// The limits of the contract for reading a body after an early response.
const maxDiscardedBytes = 1024 * 1024
const maxDiscardMs = 2000

/**
 * After a response that precedes the end of the body, reads and drops up to 1 MiB or 2 s of the body, then closes the
 * connection. A client that is still sending would otherwise lose the response.
 */
export function discardBody(server: FastifyInstance): void {
  server.addHook('onSend', (request, reply, payload, done) => {
    if (!hasUnreadBody(request.raw)) return done(null, payload)
    reply.header('connection', 'close')
    if (typeof payload !== 'string') return done(null, payload)
    // Content-Length completes the response for the client at once. The stream keeps the connection open while the body
    // is read: closing it earlier would reset it and lose the response.
    reply.header('content-length', Buffer.byteLength(payload))
    done(null, Readable.from(sendThenDiscard(payload, request.raw)))
  })
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  return hasBody && !request.complete
}

async function* sendThenDiscard(response: string, request: IncomingMessage): AsyncGenerator<Buffer> {
  request.unpipe()
  const discarded = discardRest(request)
  yield Buffer.from(response)
  await discarded
}

/** Reads and drops the rest of a stream. Resolves at its end, at the limits, or when the client leaves. */
export function discardRest(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const done = () => {
      clearTimeout(timer)
      stream.pause()
      resolve()
    }
    const timer = setTimeout(done, maxDiscardMs)
    stream.removeAllListeners('data')
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxDiscardedBytes) done()
    })
    stream.once('end', done).once('close', done)
    stream.resume()
    if (stream.destroyed) done()
  })
}

/** Calls `onSilence` once if a body that is being read brings no byte for `seconds`. Returns a function that ends the watch. */
export function watchSilence(body: IncomingMessage, seconds: number, onSilence: () => void): () => void {
  const isPaused = () => body.readableFlowing !== true
  const stop = watchProgress({ seconds, count: () => body.socket.bytesRead, isPaused, onStall: onSilence })
  body.once('end', stop).once('close', stop)
  if (body.complete || body.destroyed) stop()
  return stop
}

/** Closes the connection of a download whose client stalls, which would delay a shutdown. A slow client gets the whole file. */
export function closeUnreadResponses(server: FastifyInstance, seconds: number): void {
  server.addHook('onSend', (_request, { raw: response }, payload, done) => {
    // The client may have left already; then no `close` event follows.
    if (!(payload instanceof Readable) || response.closed || response.destroyed) return done(null, payload)
    const stop = watchProgress({
      seconds,
      count: () => response.socket?.bytesWritten ?? 0,
      // An empty buffer means that the response waits for the file, not for the client.
      isPaused: () => response.writableLength === 0,
      onStall: () => response.destroy(),
    })
    response.once('close', stop)
    done(null, payload)
  })
}

type Watched = { seconds: number; count: () => number; isPaused: () => boolean; onStall: () => void }

/** Calls `onStall` once if the count does not change for `seconds` while not paused. Returns a function that ends the watch. */
function watchProgress({ seconds, count, isPaused, onStall }: Watched): () => void {
  let lastCount = count()
  let unchangedSince = performance.now()
  const check = () => {
    const now = count()
    if (isPaused() || now !== lastCount) {
      lastCount = now
      unchangedSince = performance.now()
    } else if (performance.now() - unchangedSince >= seconds * 1000) {
      stop()
      onStall()
    }
  }
  const timer = setInterval(check, (seconds * 1000) / 10)
  const stop = () => clearInterval(timer)
  return stop
}
