import { AsyncLocalStorage } from 'node:async_hooks'

export type SpanKind = 'server' | 'client' | 'consumer' | 'internal'

/** What is said of a stretch of work: ids, sizes and words of closed lists, never a name, an address or a secret. */
export type SpanFacts = Record<string, string | number | boolean | undefined>

/** One stretch of work in a trace. */
export type Span = {
  traceId: string
  /** The value of the `traceparent` header, for the next service. */
  traceparent: string
  begin(name: string, facts?: SpanFacts, kind?: SpanKind): Span
  add(facts: SpanFacts): void
  /** `outcome`: `ok`, or a word for what went wrong. */
  end(outcome: string): void
}

/** Where spans go; there is none unless an operator wants traces. */
export type Tracing = {
  /** The first span of this process for a piece of work; `traceparent` says what it is a part of. */
  begin(name: string, options: { kind: SpanKind; traceparent: string | undefined; facts: SpanFacts }): Span
  /** Sends what is left. */
  close(): Promise<void>
}

/** Whose work is done: the request that asked for it, the job that does it. */
export type LogContext = { request_id?: string; job_id?: string }

/** What the one line of a request says beside the request itself. */
export type RequestSummary = Record<string, string | number | undefined>

type Work = { fields: LogContext; span: Span | undefined; summary?: RequestSummary | undefined }

const context = new AsyncLocalStorage<Work>()
const nobodys: Work = { fields: {}, span: undefined }

/** Everything that is logged while `work` runs, by whatever part, carries these fields and no others. */
export function withLogContext<Result>(fields: LogContext, work: () => Result): Result {
  return context.run({ fields, span: currentSpan() }, work)
}

/** As `withLogContext`, for a request: what `summarize` is given meanwhile goes to `summary`. */
export function withRequestContext<Result>(requestId: string, summary: RequestSummary, work: () => Result): Result {
  return context.run({ fields: { request_id: requestId }, span: currentSpan(), summary }, work)
}

/** Adds to the line that the request will leave. False where no request is served, or its line says such a thing already. */
export function summarize(fields: RequestSummary): boolean {
  const summary = context.getStore()?.summary
  if (summary === undefined || Object.keys(fields).some((name) => name in summary)) return false
  Object.assign(summary, fields)
  return true
}

/** What `work` does is a part of this span. */
export function withSpan<Result>(span: Span | undefined, work: () => Result): Result {
  return context.run({ ...context.getStore(), fields: logContext(), span }, work)
}

/**
 * For what a request happens to begin and others will need: a timer, a connection that is kept. What runs or breaks
 * later would else be logged as that request's.
 */
export function outsideOfWork<Result>(work: () => Result): Result {
  return context.run(nobodys, work)
}

/** Whose work this is; without fields where it is nobody's. */
export function logContext(): Readonly<LogContext> {
  return context.getStore()?.fields ?? nobodys.fields
}

/** The stretch of a trace that goes on; undefined where nothing is traced. */
export function currentSpan(): Span | undefined {
  return context.getStore()?.span
}

/** Runs `work` in a span of its own where its caller is traced; `work` may add facts to the span. */
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

/** Runs a job as the first stretch of this process, or as a part of what asked for it, where somebody wants traces. */
export async function traceJob<Result>(
  tracing: Tracing | undefined,
  { name, traceparent, facts }: JobSpan,
  work: () => Promise<Result>,
): Promise<Result> {
  return tracing === undefined ? work() : runInSpan(tracing.begin(name, { kind: 'consumer', traceparent, facts }), work)
}

/** Runs `work` in a span that was begun, and ends it as that ends. */
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

/** The code that our errors and the database's have, else the kind; a message may name what is nobody's business. */
function outcomeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'aborted'
  const code = 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : error.name
}
