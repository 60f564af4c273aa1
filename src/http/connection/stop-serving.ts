import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'

import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'

/** The phases of a shutdown, in their order. */
export const defaultStopTimes = {
  /** Load balancers read `/readyz` and send requests elsewhere. */
  acceptMs: 5000,
  /** Maximum time until no connection waits for acceptance: a busy process accepts one per turn. */
  quietMs: 3000,
  /** Accepted connections may still send their first request. */
  hearMs: 1000,
  /** Running requests may finish. */
  finishMs: 50_000,
  /** The handlers of closed requests clean up. */
  cutMs: 2000,
  /** Complete uploads that waited for S3 are stored locally. */
  fallbackMs: 10_000,
}
export type StopTimes = typeof defaultStopTimes

type RunningRequests = AcceptedConnections & {
  /** Closes the connection of every request with an incomplete body, and returns those requests. */
  cutUnfinished(): Promise<IncomingMessage[]>
}

/** Tracks running requests and, after `ending`, closes each connection with its response. */
export function trackRequests({ server }: FastifyInstance, ending: AbortSignal): RunningRequests {
  const running = new Map<IncomingMessage, ServerResponse>()
  const silent = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket) => {
    accepted += 1
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  // Runs before the handlers, so that the header is set in time.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    running.set(request, response)
    silent.delete(request.socket)
    response.once('close', () => running.delete(request))
    if (ending.aborted) response.setHeader('connection', 'close')
  })
  ending.addEventListener('abort', () => {
    for (const response of running.values()) if (!response.headersSent) response.setHeader('connection', 'close')
  })
  return {
    accepted: () => accepted,
    silent,
    async cutUnfinished() {
      const unfinished = [...running].filter(([{ complete }]) => !complete)
      const closed = unfinished.map(([, response]) => once(response, 'close'))
      for (const [request] of unfinished) request.destroy()
      await Promise.all(closed)
      return unfinished.map(([request]) => request)
    },
  }
}

type Needs = { running: RunningRequests; s3: GuardedS3 | undefined; log: Logger; times: StopTimes }

/**
 * Serves for a moment longer, then accepts no new connections and lets running requests finish. After `finishMs` it
 * closes incomplete uploads, which leave nothing. Complete uploads that wait for S3 are stored locally and answered.
 */
export async function stopServing(
  server: FastifyInstance,
  { running, s3, log, times: { acceptMs, quietMs, hearMs, finishMs, cutMs, fallbackMs } }: Needs,
): Promise<void> {
  await sleep(acceptMs)
  await closeListener(server.server, running, { quietMs, hearMs })
  const closed = server.close()
  if (await endsWithin(closed, finishMs)) return

  const cut = await running.cutUnfinished()
  log.warn({ event: 'stopping_late', cut: cut.length }, 'requests still running; complete uploads are stored locally')
  await endsWithin(server.handlersDone(cut), cutMs)
  s3?.shutDown()
  if (await endsWithin(closed, fallbackMs)) return

  log.warn({ event: 'stopping_cut' }, 'requests still running; connections closed')
  server.server.closeAllConnections()
  await endsWithin(closed, cutMs)
}

async function endsWithin(closed: PromiseLike<unknown>, milliseconds: number): Promise<boolean> {
  const over = new AbortController()
  try {
    return await Promise.race([
      Promise.resolve(closed).then(() => true),
      sleep(milliseconds, false, { signal: over.signal }),
    ])
  } finally {
    over.abort()
  }
}

/** The number of accepted connections, and those without a request yet. */
type AcceptedConnections = { accepted: () => number; silent: ReadonlySet<Socket> }

/** A short turn of the event loop. After `maxMsForShortTurn` a long one must do. */
const shortTurnMs = 0.3
const maxMsForShortTurn = 500
const pollMs = 5

/** Stops to accept connections and serves the open ones. Closes connections without a request within `hearMs`. */
export async function closeListener(
  server: Server,
  connections: AcceptedConnections,
  { quietMs, hearMs }: { quietMs: number; hearMs: number },
): Promise<void> {
  await waitUntilQuiet(connections, quietMs)
  // Node closes the listener at once; Fastify would run hooks first, while clients still connect.
  server.close()
  const deadline = performance.now() + hearMs
  while (connections.silent.size > 0 && performance.now() < deadline) await sleep(pollMs)
  for (const socket of connections.silent) socket.destroy()
}

/**
 * The system queues connections until the event loop accepts them, one per turn, and resets the queued ones when the
 * listener closes. So the listener closes after a turn without a new connection. A short turn is best: a connection that
 * arrives within that turn is reset.
 */
async function waitUntilQuiet({ accepted }: AcceptedConnections, quietMs: number): Promise<void> {
  const startedAt = performance.now()
  for (let isQuiet = false; !isQuiet && msSince(startedAt) < quietMs;) {
    const [began, before] = [performance.now(), accepted()]
    await turn()
    const isShort = msSince(began) < shortTurnMs || msSince(startedAt) > maxMsForShortTurn
    isQuiet = accepted() === before && isShort
  }
}

function msSince(moment: number): number {
  return performance.now() - moment
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Resolves when the handlers of these requests have ended, even if their clients left. */
    handlersDone(requests: Iterable<IncomingMessage>): Promise<void>
  }
}

/** Lets `close` wait for all handlers: they clean up in the database even after their client left. */
export function trackHandlers(server: FastifyInstance): void {
  const running = new Map<IncomingMessage, Promise<void>>()
  const done = async (requests: Iterable<IncomingMessage>) => {
    await Promise.all([...requests].map(async (request) => running.get(request)))
  }
  server.decorate('handlersDone', done)
  server.addHook('onClose', async () => done(running.keys()))
  server.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = function handleTracked(request, reply) {
      const result: unknown = handler.call(this, request, reply)
      if (result instanceof Promise)
        running.set(
          request.raw,
          Promise.allSettled([result]).then(() => void running.delete(request.raw)),
        )
      return result
    }
  })
}
