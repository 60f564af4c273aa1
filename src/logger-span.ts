import { currentSpan, withSpan } from './logger-context.ts'
import type { Span, SpanFacts, SpanKind, Tracing } from './logger-trace.ts'

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

type Wish = { name: string; traceparent?: string | undefined; facts: SpanFacts }

/** Runs a job as the first stretch of this process, or as a part of what asked for it, where somebody wants traces. */
export async function tracedJob<Result>(
  tracing: Tracing | undefined,
  { name, traceparent, facts }: Wish,
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
