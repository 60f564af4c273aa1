import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind as OtelKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'

import type { TracesConfig } from '../config/traces.ts'
import type { Span, SpanFacts, SpanKind, Tracing } from '../logging/spans.ts'

type Needs = { config: TracesConfig; version: string; log: Pick<Logger, 'warn' | 'info'> }

/** Sends spans to a collector in background batches: an unavailable collector delays no response. */
export function openTracing({ config, version, log }: Needs): Tracing {
  const exporter = new OTLPTraceExporter({
    url: config.url,
    headers: config.headers,
    timeoutMillis: config.timeoutMs,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.version': version, ...config.attributes }),
    sampler: samplerOf(config),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: loggingExporter(exporter, log), scheduledDelayMillis: config.intervalMs }),
    ],
  })
  const tracer = provider.getTracer('paniq-documents', version)
  return {
    begin: (name, { kind, traceparent, facts }) =>
      beginSpan(tracer, name, { kind, facts, within: contextOf(traceparent) }),
    // An unavailable collector does not delay the shutdown.
    close: () => provider.shutdown().catch(() => undefined),
  }
}

function samplerOf({ share, followsCallers }: TracesConfig): Sampler {
  const root = share === 1 ? new AlwaysOnSampler() : new TraceIdRatioBasedSampler(share)
  return followsCallers ? new ParentBasedSampler({ root }) : root
}

const kinds: Record<SpanKind, OtelKind> = {
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  consumer: OtelKind.CONSUMER,
  internal: OtelKind.INTERNAL,
}

function beginSpan(
  tracer: Tracer,
  name: string,
  { kind, facts, within }: { kind: SpanKind; facts: SpanFacts; within: Context },
): Span {
  return spanOf(tracer, tracer.startSpan(name, { kind: kinds[kind], attributes: facts }, within))
}

function spanOf(tracer: Tracer, span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceId,
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    begin: (name, facts = {}, kind = 'internal') =>
      beginSpan(tracer, name, { kind, facts, within: trace.setSpan(ROOT_CONTEXT, span) }),
    add(facts) {
      for (const [name, value] of Object.entries(facts)) if (value !== undefined) span.setAttribute(name, value)
    },
    end(outcome) {
      span.setAttribute('outcome', outcome)
      if (outcome !== 'ok') span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

/** An invalid `traceparent` starts a new trace. */
function contextOf(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT
  const caller = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  return isSpanContextValid(caller) ? trace.setSpanContext(ROOT_CONTEXT, caller) : ROOT_CONTEXT
}

/** Wraps an exporter: it logs the start and the end of an outage of the collector. */
function loggingExporter(exporter: SpanExporter, log: Pick<Logger, 'warn' | 'info'>): SpanExporter {
  let isSending = true
  const logChange = (isSent: boolean, err: unknown) => {
    if (isSent === isSending) return
    isSending = isSent
    if (isSent) log.info({ event: 'traces_sent_again' }, 'trace collector available again')
    else log.warn({ event: 'traces_not_sent', err }, 'spans dropped, trace collector not available')
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        logChange(result.error === undefined, result.error)
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}
