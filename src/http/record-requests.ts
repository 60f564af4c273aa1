import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { fromZero, type Metrics } from '../metrics.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asked by machines every few seconds: logged at `debug` unless it goes wrong. */
    isProbe?: true
    /** Counts refusals as failed logins. */
    isLogin?: true
  }
}

type Needs = { metrics: Metrics }

/**
 * Each request leaves one event and one observation when its answer is out or its client has gone. Its address is
 * told by the route's pattern alone: what a person put into it may be an id, a token or a name.
 */
export function recordRequests(server: FastifyInstance, { metrics }: Needs): void {
  server.addHook('onRoute', ({ method, url: route }) => {
    for (const each of [method].flat())
      if (each !== 'HEAD') fromZero(metrics.refusals, [{ route, method: each, code: 'internal' }])
  })
  server.addHook('onRequest', (request, reply, done) => {
    const startedAt = performance.now()
    metrics.requestsUnderWay.inc()
    // The one event that comes in every case, also when nothing was answered.
    reply.raw.once('close', () => record({ request, reply, metrics, seconds: (performance.now() - startedAt) / 1000 }))
    done()
  })
}

type Ended = { request: FastifyRequest; reply: FastifyReply; metrics: Metrics; seconds: number }

function record({ request, reply, metrics, seconds }: Ended): void {
  const { url: route = 'unknown', config } = request.routeOptions
  const { statusCode, headersSent, writableFinished } = reply.raw
  const status = headersSent ? statusCode : undefined
  const { method } = request

  metrics.requestsUnderWay.dec()
  metrics.httpRequests.observe({ route, method, status_class: classOf(status) }, seconds)
  countRefusal(metrics, { request, reply, route, status })

  const level = config.isProbe === true && status !== undefined && status < 400 ? 'debug' : 'info'
  request.log[level]({
    event: 'request',
    // Outside of the context that gives this field to every other line of the request.
    request_id: request.id,
    method,
    route,
    status,
    duration_ms: Math.round(seconds * 10_000) / 10,
    bytes: numberOf(reply.getHeader('content-length')),
    request_bytes: numberOf(request.headers['content-length']),
    ip: request.ip,
    ...(writableFinished ? {} : { aborted: true }),
  })
}

type Refused = { request: FastifyRequest; reply: FastifyReply; route: string; status: number | undefined }

function countRefusal(metrics: Metrics, { request, reply, route, status }: Refused): void {
  const { refusedWith: code } = reply
  if (code !== undefined) metrics.refusals.inc({ route, method: request.method, code })
  const { isLogin } = request.routeOptions.config
  if (isLogin === true && status !== undefined && refusals.has(status)) metrics.failedLogins.inc()
}

/** What a login that is no validation error and no success is answered with. */
const refusals = new Set([401, 403, 429])

function classOf(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`
}

function numberOf(header: number | string | string[] | undefined): number | undefined {
  return header === undefined ? undefined : Number(header)
}
