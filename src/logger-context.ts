import { AsyncLocalStorage } from 'node:async_hooks'

/** Whose work is done: the request that asked for it, the job that does it. */
export type LogContext = { request_id?: string; job_id?: string }

const context = new AsyncLocalStorage<LogContext>()
const nobodys: LogContext = {}

/** Everything that is logged while `work` runs, by whatever part, carries these fields and no others. */
export function withLogContext<Result>(fields: LogContext, work: () => Result): Result {
  return context.run(fields, work)
}

/**
 * For what a request happens to begin and others will need: a timer, a connection that is kept. What runs or breaks
 * later would else be logged as that request's.
 */
export function outsideOfWork<Result>(work: () => Result): Result {
  return withLogContext(nobodys, work)
}

/** Whose work this is; without fields where it is nobody's. */
export function logContext(): Readonly<LogContext> {
  return context.getStore() ?? nobodys
}
