import type { Db } from '../database/client.ts'
import { type EventActor, type NewEvent, recordEvent } from '../database/events.ts'
import { type AppError, isAppError } from '../errors.ts'

const recorded = new WeakSet<AppError>()

/** Whether this is a refusal that stands in the audit trail. */
export const isRecorded = (error: unknown): boolean => isAppError(error) && recorded.has(error)

/**
 * Runs `work`, which may refuse; a refusal goes on, and stands in the audit trail. Wrap it around a transaction, not
 * into one: there it would be rolled back with the rest.
 */
export async function recordRefusal<Result>(
  db: Db,
  actor: EventActor,
  event: Omit<NewEvent, 'outcome'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (isAppError(error)) {
      const details = { ...event.details, ...error.details }
      await recordEvent(db, actor, { ...event, outcome: error.code, details })
      recorded.add(error)
    }
    throw error
  }
}
