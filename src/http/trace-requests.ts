import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { withLogContext, withSpan } from '../logger-context.ts'
import type { Span, Tracing } from '../logger-trace.ts'

/**
 * What a request makes necessary is logged under its id and, where somebody wants traces, is a part of its span. To be
 * called before every hook that logs. Probes are not traced: there are many, and they tell nothing.
 */
export function traceRequests(server: FastifyInstance, tracing: Tracing | undefined): void {
  server.addHook('onRequest', (request, reply, done) => {
    const isTraced = tracing !== undefined && request.routeOptions.config.isProbe !== true
    const span = isTraced ? beginSpan(tracing, request, reply) : undefined
    withLogContext({ request_id: request.id }, () => (span === undefined ? done() : withSpan(span, done)))
  })
}

function beginSpan(tracing: Tracing, request: FastifyRequest, reply: FastifyReply): Span {
  const { url: route = 'unknown' } = request.routeOptions
  const { traceparent } = request.headers
  const span = tracing.begin(`${request.method} ${route}`, {
    kind: 'server',
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    facts: { 'http.request.method': request.method, 'http.route': route, request_id: request.id },
  })
  reply.raw.once('close', () => {
    const { statusCode, headersSent, writableFinished } = reply.raw
    if (headersSent) span.add({ 'http.response.status_code': statusCode })
    span.end(writableFinished ? (reply.refusedWith ?? 'ok') : 'aborted')
  })
  return span
}
