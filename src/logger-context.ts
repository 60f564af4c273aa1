import { AsyncLocalStorage } from 'node:async_hooks'

import type { Span } from './logger-trace.ts'

/** Whose work is done: the request that asked for it, the job that does it. */
export type LogContext = { request_id?: string; job_id?: string }

type Work = { fields: LogContext; span: Span | undefined }

const context = new AsyncLocalStorage<Work>()
const nobodys: Work = { fields: {}, span: undefined }

/** Everything that is logged while `work` runs, by whatever part, carries these fields and no others. */
export function withLogContext<Result>(fields: LogContext, work: () => Result): Result {
  return context.run({ fields, span: currentSpan() }, work)
}

/** What `work` does is a part of this span. */
export function withSpan<Result>(span: Span | undefined, work: () => Result): Result {
  return context.run({ fields: logContext(), span }, work)
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
