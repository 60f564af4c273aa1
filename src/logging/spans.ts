import { AsyncLocalStorage } from 'node:async_hooks'

export type SpanKind = 'server' | 'client' | 'consumer' | 'internal'

/** Attributes of a span: ids, sizes and words of closed lists, never a name, an address or a secret. */
export type SpanFacts = Record<string, string | number | boolean | undefined>

/** A span: one piece of work in a trace. */
export type Span = {
  traceId: string
  /** The value of the `traceparent` header, for the next service. */
  traceparent: string
  begin(name: string, facts?: SpanFacts, kind?: SpanKind): Span
  add(facts: SpanFacts): void
  /** `outcome`: `ok`, or a word for the failure. */
  end(outcome: string): void
}

/** Creates and sends spans. It exists only if tracing is configured. */
export type Tracing = {
  /** Begins the first span of this process for a request or job. `traceparent`: its parent, if any. */
  begin(name: string, options: { kind: SpanKind; traceparent: string | undefined; facts: SpanFacts }): Span
  /** Sends the remaining spans. */
  close(): Promise<void>
}

/** The request or the job that the current work belongs to. */
type LogContext = { request_id?: string; job_id?: string }

/** Additional fields of the log line of a request. */
export type RequestSummary = Record<string, string | number | undefined>

/** Who a request is counted for. `person`: known after authentication. `connections`: to the database, in use now. */
export type Requester = { network: string; person?: string; connections: number }

type Work = {
  fields: LogContext
  span: Span | undefined
  summary?: RequestSummary | undefined
  requester?: Requester | undefined
}

const context = new AsyncLocalStorage<Work>()
const noWork: Work = { fields: {}, span: undefined }

/** Every log line during `work` gets these fields, and no fields of an outer context. */
export function withLogContext<Result>(fields: LogContext, work: () => Result): Result {
  return context.run({ fields, span: currentSpan() }, work)
}

type RequestContext = { summary: RequestSummary; requester: Requester | undefined }

/** Like `withLogContext`, for a request. `summarize` adds its fields to `summary`. */
export function withRequestContext<Result>(requestId: string, request: RequestContext, work: () => Result): Result {
  return context.run({ fields: { request_id: requestId }, span: currentSpan(), ...request }, work)
}

/** Undefined outside of a request, and for probes. */
export function currentRequester(): Requester | undefined {
  return context.getStore()?.requester
}

/**
 * Adds fields to the log line of the current request. False outside of a request, or if the line has one of these
 * fields.
 */
export function summarize(fields: RequestSummary): boolean {
  const summary = context.getStore()?.summary
  if (summary === undefined || Object.keys(fields).some((name) => name in summary)) return false
  Object.assign(summary, fields)
  return true
}

/** Runs `work` in this span. */
export function withSpan<Result>(span: Span | undefined, work: () => Result): Result {
  return context.run({ ...context.getStore(), fields: logContext(), span }, work)
}

/**
 * Runs `work` outside of the current request, for anything that outlives the request, such as a timer or a pooled
 * connection. Its later log lines would otherwise have the id of this request.
 */
export function outsideOfWork<Result>(work: () => Result): Result {
  return context.run(noWork, work)
}

/** The fields of the current work; empty outside of a request or job. */
export function logContext(): Readonly<LogContext> {
  return context.getStore()?.fields ?? noWork.fields
}

/** The current span; undefined without tracing. */
export function currentSpan(): Span | undefined {
  return context.getStore()?.span
}

/** Runs `work` in a new span if its caller is traced. `work` may add attributes to the span. */
export async function traced<Result>(
  name: string,
  work: (span: Span | undefined) => Promise<Result>,
  facts: SpanFacts = {},
  kind: SpanKind = 'internal',
): Promise<Result> {
  const span = currentSpan()?.begin(name, facts, kind)
  return span === undefined ? work(undefined) : runInSpan(span, work)
}

type JobSpan = { name: string; traceparent?: string | undefined; facts: SpanFacts }

/** Runs a job in a new span if tracing is configured. `traceparent`: the span that enqueued the job. */
export async function traceJob<Result>(
  tracing: Tracing | undefined,
  { name, traceparent, facts }: JobSpan,
  work: () => Promise<Result>,
): Promise<Result> {
  return tracing === undefined ? work() : runInSpan(tracing.begin(name, { kind: 'consumer', traceparent, facts }), work)
}

/** Runs `work` in a span and ends the span with the outcome of `work`. */
async function runInSpan<Result>(span: Span, work: (span: Span) => Promise<Result>): Promise<Result> {
  try {
    const result = await withSpan(span, () => work(span))
    span.end('ok')
    return result
  } catch (error) {
    span.end(outcomeOf(error))
    throw error
  }
}

/** The code of our errors and the database's, else the error's name. Never a message, which may contain personal data. */
function outcomeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'aborted'
  const code = 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : error.name
}
