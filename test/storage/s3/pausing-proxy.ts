import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type PausingProxy = {
  endpoint: string
  /** Resolves when so much of a request's body has passed; the rest is held back until `release`. */
  held: Promise<void>
  release(): void
  close(): Promise<void>
}

/**
 * Passes connections on to a server, and stops in the middle of the first request body that is large enough: exactly
 * `bodyBytes` of it arrive, and what the sender then does can be looked at in peace.
 */
export async function startPausingProxy(
  server: { port: number; host: string },
  bodyBytes: number,
): Promise<PausingProxy> {
  const { promise: held, resolve: tellHeld } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  let isArmed = true

  const listener = createServer((client) => {
    const upstream = connect(server)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // Either end may go at any time; that is what these tests are about.
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.pipe(client)
    passUp(client, upstream).catch(() => undefined)
  })

  async function passUp(client: Socket, upstream: Socket): Promise<void> {
    let room: number | undefined
    for await (const chunk of client as AsyncIterable<Buffer>) {
      room ??= isArmed ? roomAfterHead(chunk) : undefined
      if (room === undefined || chunk.length < room) {
        upstream.write(chunk)
        if (room !== undefined) room -= chunk.length
        continue
      }
      isArmed = false
      upstream.write(chunk.subarray(0, room))
      tellHeld()
      await released
      upstream.write(chunk.subarray(room))
      room = Infinity
    }
  }

  /** How many bytes from the start of a request on may pass, if it has a body. */
  function roomAfterHead(chunk: Buffer): number | undefined {
    const headEnd = chunk.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(chunk.subarray(0, headEnd).toString('latin1'))?.[1] ?? 0)
    return length >= Math.max(bodyBytes, 1) ? headEnd + 4 + bodyBytes : undefined
  }

  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  // A listener on TCP has this kind of address.
  const { port } = listener.address() as AddressInfo

  return {
    endpoint: `http://127.0.0.1:${port}`,
    held,
    release,
    async close() {
      const closed = once(listener, 'close')
      listener.close()
      release()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
