import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Keeps a client's own id when it is harmless to log and to send back; else makes one. */
export function chooseRequestId(request: { headers: IncomingMessage['headers'] }): string {
  const incoming = request.headers['x-request-id']
  return typeof incoming === 'string' && /^[\w.:-]{1,128}$/.test(incoming) ? incoming : randomUUID()
}
