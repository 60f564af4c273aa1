import type { Logger } from 'pino'

/** Leaves a line of work that is done, with what it did. What found nothing to do, as most work does every few minutes, is no news. */
export function logDone(log: Logger, event: Record<string, unknown>, done: Record<string, unknown>): void {
  const line = { ...event, ...done }
  if (Object.values(done).some((count) => typeof count === 'number' && count > 0)) log.info(line)
  else log.debug(line)
}
