import { type DatabaseFault, databaseFaultOf } from '../../database/connection/postgres-errors.ts'
import { AccessDenied, AppError, type Denial, type ErrorCode } from '../../errors/app-error.ts'

/** The sentence for each denial. */
const denialSentences: Record<Denial, string> = {
  unauthenticated: 'This account no longer exists. Log in again.',
  account_locked: 'This account is locked. Ask the platform’s support to unlock it.',
  firm_missing: 'There is no such firm.',
  not_a_member: 'You are not an active member of this firm. Ask the firm’s administrator to add you.',
  forbidden:
    'Your role does not allow this. Ask the firm’s administrator. Reviews, quotas, holds and locks are for administrators of the platform.',
  administrators_read:
    'Administrators of the platform read and review documents. Only members of the firm upload them.',
  firm_locked: 'This firm is locked: its documents can be read, but not changed. Ask the platform’s support.',
}

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
  if (error instanceof AccessDenied) return new AppError(error.code, denialSentences[error.denial], { cause: error })
  if (error instanceof AppError) return error
  const fault = databaseFaultOf(error)
  if (fault === undefined) return undefined
  const { code, message, ...extras } = faultAnswers[fault]
  return new AppError(code, message, { cause: error, ...extras })
}
