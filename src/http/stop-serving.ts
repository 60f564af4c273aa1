import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'

import type { GuardedS3 } from '../storage/guard-s3.ts'
import { closeListener, type TakenConnections } from './close-listener.ts'

/** How a server that was told to end takes its time, each counted from the one before. */
export type StopTimes = {
  /** For whoever sends requests here to see `/readyz`, and to send them elsewhere. */
  acceptMs: number
  /** At most, until nobody waits to be taken: a busy process takes one at each turn. */
  quietMs: number
  /** For connections that were taken and have asked nothing yet. */
  hearMs: number
  /** For requests that run. */
  finishMs: number
  /** For what was cut to be tidied up. */
  cutMs: number
  /** For files that were received whole and then went to the local disk. */
  fallbackMs: number
}

export const usualStopTimes: StopTimes = {
  acceptMs: 5000,
  quietMs: 3000,
  hearMs: 1000,
  finishMs: 50_000,
  cutMs: 2000,
  fallbackMs: 10_000,
}

export type RunningRequests = TakenConnections & {
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
  s3?.endCalls()
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
