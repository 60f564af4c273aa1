import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type PausingProxy = {
  endpoint: string
  /** Resolves when this much of a request's body has passed. The rest waits for `release`. */
  held: Promise<void>
  release(): void
  close(): Promise<void>
}

/**
 * Forwards connections to a server, and pauses within the first request body that is large enough: exactly `bodyBytes`
 * of it arrive, so that the sender's next action can be tested.
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
      // Either end may close at any time; these tests cause that.
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

  /** The number of bytes from the start of a request that may pass, if it has a body. */
  function roomAfterHead(chunk: Buffer): number | undefined {
    const headEnd = chunk.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(chunk.subarray(0, headEnd).toString('latin1'))?.[1] ?? 0)
    return length >= Math.max(bodyBytes, 1) ? headEnd + 4 + bodyBytes : undefined
  }

  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  // the address of a TCP listener
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
