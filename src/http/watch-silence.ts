import type { IncomingMessage } from 'node:http'

/** How long a body may bring no byte while it is waited for; a phone that changes its cell is silent for less. */
export const mostSecondsOfSilence = 30

/** Tells once when a body that is being read has brought nothing for so long. A body that we let wait is not silent. */
export function watchSilence(body: IncomingMessage, seconds: number, onSilence: () => void): void {
  let seen = body.socket.bytesRead
  let quietSince = performance.now()
  const look = () => {
    const { bytesRead } = body.socket
    if (body.readableFlowing !== true || bytesRead !== seen) {
      seen = bytesRead
      quietSince = performance.now()
    } else if (performance.now() - quietSince >= seconds * 1000) {
      stop()
      onSilence()
    }
  }
  const timer = setInterval(look, (seconds * 1000) / 10)
  const stop = () => clearInterval(timer)
  body.once('end', stop).once('close', stop)
  if (body.complete || body.destroyed) stop()
}
