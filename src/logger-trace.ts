export type SpanKind = 'server' | 'client' | 'consumer' | 'internal'

/** What is said of a stretch of work: ids, sizes and words of closed lists, never a name, an address or a secret. */
export type SpanFacts = Record<string, string | number | boolean | undefined>

/** One stretch of work in a trace. */
export type Span = {
  traceId: string
  /** As the header of that name says it, for whoever goes on elsewhere. */
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
