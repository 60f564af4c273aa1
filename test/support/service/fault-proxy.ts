import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'

export type Fault =
  | { kind: 'none' }
  /** Every chunk waits `latencyMs`, and each direction transfers at most `bytesPerSecond`. */
  | { kind: 'slow'; latencyMs?: number; bytesPerSecond?: number }
  /** The client is reset once it has sent this number of bytes; with 0, at its first. The server gets exactly those. */
  | { kind: 'cut_up'; afterBytes: number; bytesPerSecond?: number }
  /**
   * The client is reset once the server has sent this number of bytes; with 0 the server did all its work, and the
   * answer is lost.
   */
  | { kind: 'cut_down'; afterBytes: number }
  /** The client's bytes arrive. The answer never does, and the connection stays open. */
  | { kind: 'swallow_answer' }
  /** The connection is accepted, read and never answered. The server gets nothing. */
  | { kind: 'hang' }
  /** The connection is reset at once. */
  | { kind: 'refuse' }

type IsLost = (piece: Buffer) => boolean

export type FaultProxy = {
  /** Its port on 127.0.0.1. A signed link must be signed for this address to pass through it. */
  port: number
  /** For connections opened from now on; a function chooses for each. Open ones need `cutAll` as well. */
  setFault: (fault: Fault | (() => Fault)) => void
  /** Leads connections opened from now on to another server of the same host. */
  setServer: (port: number) => void
  /** The number of connections opened since the start. */
  connections: () => number
  /** The number of bytes of clients that it has passed on since the start. */
  passedBytes: () => number
  /** Open connections stay open, and no further bytes of their clients arrive. */
  hangAll: () => void
  /** The same for each connection from the first chunk on for which this is true; undefined: for no further one. */
  hangAt: (isLost: IsLost | undefined) => void
  /** Resets all open connections. */
  cutAll: () => Promise<void>
  close: () => Promise<void>
}

/**
 * A proxy between a client and a real server that breaks connections on demand. Without a fault it passes all bytes on.
 */
export async function startFaultProxy(server: { host?: string; port: number }): Promise<FaultProxy> {
  let target = { host: server.host ?? '127.0.0.1', port: server.port, noDelay: true }
  const open = new Set<Socket>()
  let chooseFault = withoutFault
  let connections = 0
  let passedBytes = 0
  const count = (bytes: number) => void (passedBytes += bytes)
  let isLost: IsLost | undefined

  const listener = createServer({ noDelay: true }, (client) => {
    connections += 1
    open.add(client)
    // Resets are intended here. An unhandled 'error' would end the test process.
    client.on('error', () => undefined).on('close', () => open.delete(client))
    serve(client, target, { fault: chooseFault(), isLost: (piece) => isLost?.(piece) === true, count })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  async function cutAll() {
    const closing = [...open].map((client) => new Promise((resolve) => void client.once('close', resolve)))
    for (const client of open) reset(client)
    await Promise.all(closing)
  }

  return {
    // The address of a TCP listener; only one on a socket file has a string.
    port: (listener.address() as AddressInfo).port,
    setFault(next) {
      chooseFault = typeof next === 'function' ? next : () => next
    },
    setServer(port) {
      target = { ...target, port }
    },
    connections: () => connections,
    passedBytes: () => passedBytes,
    hangAll() {
      for (const client of open) client.unpipe().resume()
    },
    hangAt(next) {
      isLost = next
    },
    cutAll,
    async close() {
      const closed = once(listener, 'close')
      listener.close()
      await cutAll()
      await closed
    },
  }
}

function withoutFault(): Fault {
  return { kind: 'none' }
}

/** Not if it is ending already: a reset then fails, and leaves it half open forever. */
function reset(client: Socket): void {
  if (client.writableEnded) client.destroy()
  else client.resetAndDestroy()
}

type Target = { host: string; port: number; noDelay: boolean }

type Conditions = { fault: Fault; isLost: IsLost; count: (bytes: number) => void }

function serve(client: Socket, target: Target, { fault, isLost, count }: Conditions): void {
  switch (fault.kind) {
    case 'refuse':
      reset(client)
      return
    case 'hang':
      client.resume()
      return
    case 'none':
      join(client, target, { isLost, count }, {})
      return
    case 'slow':
      join(client, target, { ...fault, count }, fault)
      return
    case 'cut_up':
      join(client, target, { cutAfter: fault.afterBytes, bytesPerSecond: fault.bytesPerSecond, count }, {})
      return
    case 'cut_down':
      join(client, target, { count }, { cutAfter: fault.afterBytes })
      return
    case 'swallow_answer':
      join(client, target, { count }, { swallow: true })
  }
}

type Way = {
  count?: (bytes: number) => void
  isLost?: IsLost
  latencyMs?: number
  bytesPerSecond?: number | undefined
  cutAfter?: number
  swallow?: boolean
}

function join(client: Socket, target: Target, up: Way, down: Way): void {
  const server = connect(target)
  let isCut = false
  const cut = () => {
    if (isCut) return
    isCut = true
    if (!client.destroyed) reset(client)
    // It still gets the bytes from before the cut; then its peer is gone.
    server.destroySoon()
  }
  server.on('error', cut)
  client.on('error', cut).on('close', () => server.destroy())
  client.pipe(travel(up, cut)).on('error', cut).pipe(server)
  if (down.swallow) server.resume()
  else server.pipe(travel(down, cut)).on('error', cut).pipe(client)
}

function travel(way: Way, cut: () => void): Transform {
  const { latencyMs = 0, bytesPerSecond = Infinity, cutAfter = Infinity, isLost = () => false, count } = way
  let passed = 0
  let hangs = false
  return new Transform({
    // Paused until the delay is over, so that a slow connection also slows its sender down.
    transform(chunk: Buffer, _encoding, done) {
      hangs ||= isLost(chunk)
      if (hangs) return done()
      const piece = chunk.subarray(0, Math.min(chunk.length, cutAfter - passed))
      const delayMs = latencyMs + (piece.length / bytesPerSecond) * 1000
      const passOn = () => {
        passed += piece.length
        count?.(piece.length)
        if (piece.length > 0) this.push(piece)
        // One turn later, so that the bytes before the cut have been sent.
        if (passed >= cutAfter) setImmediate(cut)
        done()
      }
      if (delayMs === 0) passOn()
      else void wait(delayMs).then(passOn)
    },
  })
}
