import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'

import { freeBytes } from '../../../files/file-system.ts'

export type S3Agents = { http: HttpAgent; https: HttpsAgent; close(): void }

/** Agents whose connections stay open. A large answer leaves no garbage outside of the heap. */
export function createS3Agents({ maxConnections }: { maxConnections: number }): S3Agents {
  const options = { keepAlive: true, maxSockets: maxConnections }
  const [http, https] = [new FreeingHttpAgent(options), new FreeingHttpsAgent(options)]
  return {
    http,
    https,
    close() {
      http.destroy()
      https.destroy()
    },
  }
}

class FreeingHttpAgent extends HttpAgent {
  override createConnection(...request: Parameters<HttpAgent['createConnection']>) {
    return freeWhatWasRead(super.createConnection(...request))
  }
}

class FreeingHttpsAgent extends HttpsAgent {
  override createConnection(...request: Parameters<HttpsAgent['createConnection']>) {
    return freeWhatWasRead(super.createConnection(...request))
  }
}

/**
 * Node's parser copies the body out of each chunk that it gets from the connection. The collector would wait until tens of
 * MiB of such chunks are unused. By the next tick the parser has read the chunk. If it ever did not copy, the body would come
 * out shorter than its `Content-Length`, never changed.
 */
function freeWhatWasRead<Connection extends Duplex | null | undefined>(connection: Connection): Connection {
  connection?.on('data', (chunk: Buffer) => process.nextTick(freeBytes, chunk))
  return connection
}
