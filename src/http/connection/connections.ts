import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

import type { FastifyInstance } from 'fastify'

// The contract's bounds for what is read after a refusal.
const maxDiscardedBytes = 1024 * 1024
const maxDiscardMs = 2000

/**
 * After an answer that came before the body was read, up to 1 MiB or 2 s of it is read and thrown away, so that a
 * client that is still sending sees the answer; then the connection ends.
 */
export function discardBody(server: FastifyInstance): void {
  server.addHook('onSend', (request, reply, payload, done) => {
    if (!hasUnreadBody(request.raw)) return done(null, payload)
    reply.header('connection', 'close')
    if (typeof payload !== 'string') return done(null, payload)
    // By its length the client knows the answer as whole at once; the connection, which Node ends together with the
    // answer, stays for as long as the rest is read. Ended at once it would be reset, and the answer lost with it.
    reply.header('content-length', Buffer.byteLength(payload))
    done(null, Readable.from(answerThenDiscard(payload, request.raw)))
  })
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  return hasBody && !request.complete
}

async function* answerThenDiscard(answer: string, request: IncomingMessage): AsyncGenerator<Buffer> {
  request.unpipe()
  const discarded = discardRest(request)
  yield Buffer.from(answer)
  await discarded
}

/** Reads and drops what still arrives; resolves at its end, at the limits, or when the client goes. */
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

/** How long a body may bring no byte while it is waited for; a phone that changes its cell is silent for less. */
export const maxSilenceSeconds = 30

/** Calls `onSilence` once when a body that is being read has brought nothing for so long. Returns what ends the watch. */
export function watchSilence(body: IncomingMessage, seconds: number, onSilence: () => void): () => void {
  const isPaused = () => body.readableFlowing !== true
  const stop = watchProgress({ seconds, count: () => body.socket.bytesRead, isPaused, onStall: onSilence })
  body.once('end', stop).once('close', stop)
  if (body.complete || body.destroyed) stop()
  return stop
}

/** Ends the connection of a body that stalls. Forms are left to the upload, which can answer. */
export function closeSilentBodies(server: FastifyInstance, mostSeconds: number): void {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const isForm = request.headers['content-type']?.startsWith('multipart/form-data') === true
    if (!isForm && !request.raw.complete) watchSilence(request.raw, mostSeconds, () => request.raw.destroy())
    done(null, payload)
  })
}

/** Ends the connection of a file whose reader stalls, which would delay a shutdown. A slow reader gets all of it. */
export function closeUnreadResponses(server: FastifyInstance, seconds: number): void {
  server.addHook('onSend', (_request, { raw: answer }, payload, done) => {
    // A reader that left while the service was still at work closes no second time.
    if (!(payload instanceof Readable) || answer.closed || answer.destroyed) return done(null, payload)
    const stop = watchProgress({
      seconds,
      count: () => answer.socket?.bytesWritten ?? 0,
      // Nothing is buffered: the answer waits for the file, not for its reader.
      isPaused: () => answer.writableLength === 0,
      onStall: () => answer.destroy(),
    })
    answer.once('close', stop)
    done(null, payload)
  })
}

type Watched = { seconds: number; count: () => number; isPaused: () => boolean; onStall: () => void }

/** Calls `onStall` once when a count has stood still for so long without being paused; returns what ends the watch. */
function watchProgress({ seconds, count, isPaused, onStall }: Watched): () => void {
  let seen = count()
  let stillSince = performance.now()
  const look = () => {
    const now = count()
    if (isPaused() || now !== seen) {
      seen = now
      stillSince = performance.now()
    } else if (performance.now() - stillSince >= seconds * 1000) {
      stop()
      onStall()
    }
  }
  const timer = setInterval(look, (seconds * 1000) / 10)
  const stop = () => clearInterval(timer)
  return stop
}
