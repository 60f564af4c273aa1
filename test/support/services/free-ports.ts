import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** Ports on 127.0.0.1 that the system had free a moment ago, each another one. */
export async function findFreePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  // All are held until all are known, or one could be given twice.
  await Promise.all(listeners.map((listener) => once(listener, 'listening')))
  // A listener on TCP has this kind of address; only one on a socket file has a string.
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port)
  await Promise.all(listeners.map((listener) => once(listener.close(), 'close')))
  return ports
}
