import { type DatabaseFault, databaseFaultOf } from '../../database/connection/postgres-errors.ts'
import { AppError, type ErrorCode } from '../../errors/app-error.ts'

type Answer = { code: ErrorCode; message: string; retryAfterSeconds?: number }

const unavailable = { code: 'store_unavailable', retryAfterSeconds: 5 } as const

const faultAnswers: Record<DatabaseFault, Answer> = {
  duplicate: { code: 'conflict', message: 'This exists already.' },
  missing_reference: { code: 'conflict', message: 'This refers to something that no longer exists. Load it again.' },
  value_too_long: { code: 'validation_failed', message: 'A value is too long.' },
  nul_character: { code: 'validation_failed', message: 'A text has a character that cannot be stored (NUL).' },
  concurrent_change: { code: 'conflict', message: 'Another request changed this at the same moment. Try again.' },
  busy: { ...unavailable, message: 'The database is too busy. Try again shortly.' },
  unreachable: { ...unavailable, message: 'The database cannot be reached. Try again shortly.' },
  outcome_unknown: {
    ...unavailable,
    message: 'The database cannot be reached. It may have saved this change or not: check before you try again.',
  },
}

/** An error of our own, or a fault of the database, with its sentence for the client; undefined for any other error. */
export function appErrorOf(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error
  const fault = databaseFaultOf(error)
  if (fault === undefined) return undefined
  const { code, message, ...extras } = faultAnswers[fault]
  return new AppError(code, message, { cause: error, ...extras })
}
