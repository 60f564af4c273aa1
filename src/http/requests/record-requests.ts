import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import type { ErrorCode } from '../../errors/app-error.ts'
import {
  type Requester,
  type RequestSummary,
  type Span,
  type Tracing,
  withRequestContext,
  withSpan,
} from '../../logging/spans.ts'
import { type Metrics, startAtZero } from '../../metrics/metrics.ts'
import { networkOfMachine } from '../../vocabulary/networks.ts'
import { addressOf } from './authenticate.ts'
import { securityHeaders } from './security-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Called by machines every few seconds: logged at `debug` unless it fails. */
    isProbe?: true
    /** Counts denied requests as failed logins. */
    isLogin?: true
  }
}

type Needs = { metrics: Metrics; tracing: Tracing | undefined }

/**
 * Sets the id and the headers of each request, opens its span unless it is a probe, logs and measures it. The route's
 * pattern names it, since its address may contain an id, a token or a name. Call it before every hook that logs.
 */
export function recordRequests(server: FastifyInstance, { metrics, tracing }: Needs): void {
  server.addHook('onRoute', ({ method, url: route }) => {
    for (const each of [method].flat())
      if (each !== 'HEAD') startAtZero(metrics.errorResponses, [{ route, method: each, code: 'internal' }])
  })
  server.addHook('onRequest', (request, reply, done) => {
    const startedAt = performance.now()
    const summary: RequestSummary = {}
    // Responses concern people and their documents: no cache, unless the route sets another header.
    reply.headers({ ...securityHeaders, 'x-request-id': request.id, 'cache-control': 'no-store' })
    metrics.requestsInProgress.inc()
    const isTraced = tracing !== undefined && request.routeOptions.config.isProbe !== true
    const span = isTraced ? beginSpan(tracing, request) : undefined
    // The only event that always fires, also without a response.
    reply.raw.once('close', () => {
      endSpan(span, reply)
      const seconds = (performance.now() - startedAt) / 1000
      record({ request, reply, metrics, summary: { ...summary, trace_id: span?.traceId }, seconds })
    })
    const requester = request.routeOptions.config.isProbe === true ? undefined : requesterOf(request)
    withRequestContext(request.id, { summary, requester }, () => (span === undefined ? done() : withSpan(span, done)))
  })
}

function requesterOf(request: FastifyRequest): Requester {
  return { network: networkOfMachine(addressOf(request)), connections: 0 }
}

type Ended = {
  request: FastifyRequest
  reply: FastifyReply
  metrics: Metrics
  summary: RequestSummary
  seconds: number
}

function record({ request, reply, metrics, summary, seconds }: Ended): void {
  const { url: route = 'unknown', config } = request.routeOptions
  const { statusCode, headersSent, writableFinished } = reply.raw
  const status = headersSent ? statusCode : undefined
  const { method } = request

  metrics.requestsInProgress.dec()
  metrics.httpRequests.observe({ route, method, status_class: classOf(status) }, seconds)
  if (reply.errorCode !== undefined) metrics.errorResponses.inc({ route, method, code: reply.errorCode })
  if (config.isLogin === true && failedLoginCodes.has(reply.errorCode)) metrics.failedLogins.inc()

  const level = config.isProbe === true && status !== undefined && status < 400 ? 'debug' : 'info'
  request.log[level]({
    event: 'request',
    // The context of the request, which sets this field elsewhere, has ended.
    ...requestIdsOf(request),
    method,
    route,
    status,
    ...summary,
    duration_ms: Math.round(seconds * 10_000) / 10,
    bytes: numberOf(reply.getHeader('content-length')),
    request_bytes: numberOf(request.headers['content-length']),
    ip: request.ip,
    ...(writableFinished ? {} : { aborted: true }),
  })
}

/** Of a login. A sign-in at the provider answers 302 whatever happened, so the status does not show it. */
const failedLoginCodes = new Set<ErrorCode | undefined>(['unauthenticated', 'forbidden', 'rate_limited'])

function classOf(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`
}

function numberOf(header: number | string | string[] | undefined): number | undefined {
  return header === undefined ? undefined : Number(header)
}

function beginSpan(tracing: Tracing, request: FastifyRequest): Span {
  const { url: route = 'unknown' } = request.routeOptions
  const { traceparent } = request.headers
  return tracing.begin(`${request.method} ${route}`, {
    kind: 'server',
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    facts: { 'http.request.method': request.method, 'http.route': route, request_id: request.id },
  })
}

function endSpan(span: Span | undefined, { raw, errorCode }: FastifyReply): void {
  if (raw.headersSent) span?.add({ 'http.response.status_code': raw.statusCode })
  span?.end(raw.writableFinished ? (errorCode ?? 'ok') : 'aborted')
}

const ownIds = new WeakMap<FastifyRequest, string>()

/** Our own id of a request, for the audit trail: `request.id` may be one that the client chose. */
export function ownRequestId(request: FastifyRequest): string {
  if (request.id !== request.headers['x-request-id']) return request.id
  const ownId = ownIds.get(request) ?? randomUUID()
  ownIds.set(request, ownId)
  return ownId
}

function requestIdsOf(request: FastifyRequest): { request_id: string; own_request_id?: string } {
  const ownId = ownRequestId(request)
  return ownId === request.id ? { request_id: ownId } : { request_id: request.id, own_request_id: ownId }
}

/** Uses the client's id if it is safe to log and to return, else a new one. */
export function chooseRequestId(request: { headers: IncomingMessage['headers'] }): string {
  const incoming = request.headers['x-request-id']
  return typeof incoming === 'string' && /^[\w.:-]{1,128}$/.test(incoming) ? incoming : randomUUID()
}
