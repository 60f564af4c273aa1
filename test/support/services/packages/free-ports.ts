import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'

/** Below the ephemeral range: no other program gets a port from here meanwhile. */
const lowest = 20_000
const beyondHighest = 32_000

/** Different ports on 127.0.0.1 that were free a moment ago. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found: { port: number; listener: Server }[] = []
  try {
    // All stay bound until all are known, or one could be returned twice.
    while (found.length < count) {
      const port = randomInt(lowest, beyondHighest)
      const listener = await listenOn(port)
      if (listener !== undefined) found.push({ port, listener })
    }
    return found.map(({ port }) => port)
  } finally {
    await Promise.all(found.map(({ listener }) => listener[Symbol.asyncDispose]()))
  }
}

/** Undefined if the port is in use. */
async function listenOn(port: number): Promise<Server | undefined> {
  const listener = createServer()
  return new Promise((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    listener.listen(port, '127.0.0.1', () => resolve(listener))
  })
}
