import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'

import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'

/** The phases of a shutdown, one after the other. */
export const defaultStopTimes = {
  /** For load balancers to see `/readyz` and send requests elsewhere. */
  acceptMs: 5000,
  /** At most, until no connection waits to be accepted: a busy process takes one at each turn. */
  quietMs: 3000,
  /** For connections that were accepted and have asked nothing yet. */
  hearMs: 1000,
  /** For requests that run. */
  finishMs: 50_000,
  /** For what was cut to be tidied up. */
  cutMs: 2000,
  /** For files that were received whole and then went to the local disk. */
  fallbackMs: 10_000,
}
export type StopTimes = typeof defaultStopTimes

type RunningRequests = TakenConnections & {
  /** Cuts the connection of every request that has not arrived whole, and says which, once their handlers know it too. */
  cutUnfinished(): Promise<IncomingMessage[]>
}

/** Knows which requests run; and from `ending` on, asks clients that keep their connections to open others elsewhere. */
export function trackRequests({ server }: FastifyInstance, ending: AbortSignal): RunningRequests {
  const running = new Map<IncomingMessage, ServerResponse>()
  const silent = new Set<Socket>()
  let taken = 0
  server.on('connection', (socket) => {
    taken += 1
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  // Before whoever answers, so that the header is there in time.
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
    taken: () => taken,
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
 * Serves on for a moment, then takes no new connections and lets running requests finish. What has not arrived whole when
 * their time is over is cut, and leaves nothing; what has, and still waits for S3, goes to the local disk and is answered.
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
  log.warn(
    { event: 'stopping_late', cut: cut.length },
    'requests still run; what came whole and waits for S3 goes to the local disk',
  )
  await endsWithin(server.handlersDone(cut), cutMs)
  s3?.shutDown()
  if (await endsWithin(closed, fallbackMs)) return

  log.warn({ event: 'stopping_cut' }, 'the connections of requests that still run are cut')
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

/** How many connections were taken so far, and those over which nothing was asked yet. */
type TakenConnections = { taken: () => number; silent: ReadonlySet<Socket> }

/** A turn is to be this short, as long as that can be had. */
const shortTurnMs = 0.3
const mostMsForShortTurn = 500
const lookMs = 5

/** Accepts no new connections and serves those it has. One that stays silent for `hearMs` is cut. */
export async function closeListener(
  server: Server,
  connections: TakenConnections,
  { quietMs, hearMs }: { quietMs: number; hearMs: number },
): Promise<void> {
  await untilQuiet(connections, quietMs)
  // Node's own, at once: the framework's has a long way to it, on which others connect.
  server.close()
  const giveUpAt = performance.now() + hearMs
  while (connections.silent.size > 0 && performance.now() < giveUpAt) await sleep(lookMs)
  for (const socket of connections.silent) socket.destroy()
}

/**
 * Connections wait with the system until a turn of the event loop takes them, one at each turn, and the system resets
 * those that still wait when the listener closes. So it closes after a turn in which none came, a short one if the
 * process has such: whoever comes within that turn is reset.
 */
async function untilQuiet({ taken }: TakenConnections, quietMs: number): Promise<void> {
  const startedAt = performance.now()
  for (let isQuiet = false; !isQuiet && msSince(startedAt) < quietMs;) {
    const [began, before] = [performance.now(), taken()]
    await turn()
    const isShort = msSince(began) < shortTurnMs || msSince(startedAt) > mostMsForShortTurn
    isQuiet = taken() === before && isShort
  }
}

function msSince(moment: number): number {
  return performance.now() - moment
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Resolves when nothing is done any more for these requests, whether or not anybody hears the answer. */
    handlersDone(requests: Iterable<IncomingMessage>): Promise<void>
  }
}

/** Lets the server's end wait for all handlers: they tidy up in the database also after their client has gone. */
export function trackHandlers(server: FastifyInstance): void {
  const atWork = new Map<IncomingMessage, Promise<void>>()
  const done = async (requests: Iterable<IncomingMessage>) => {
    await Promise.all([...requests].map(async (request) => atWork.get(request)))
  }
  server.decorate('handlersDone', done)
  server.addHook('onClose', async () => done(atWork.keys()))
  server.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = function handleTracked(request, reply) {
      const result: unknown = handler.call(this, request, reply)
      if (result instanceof Promise)
        atWork.set(
          request.raw,
          Promise.allSettled([result]).then(() => void atWork.delete(request.raw)),
        )
      return result
    }
  })
}
