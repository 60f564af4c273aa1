import { AppError } from '../errors.ts'

/**
 * What PostgreSQL refused, as an answer for people; undefined for what is a mistake of ours. The one place that knows
 * SQLSTATEs by number.
 */
export function appErrorOf(error: unknown): AppError | undefined {
  const state = sqlStateOf(error)
  switch (state) {
    case '23505':
      return new AppError('conflict', 'This exists already.', { cause: error })
    case '23503':
      return new AppError('conflict', 'Something that this refers to is no longer there. Load it again.', {
        cause: error,
      })
    case '22001':
      return new AppError('validation_failed', 'A value is too long.', { cause: error })
    case '22021':
    case '22P05':
      return new AppError('validation_failed', 'A text holds a character that cannot be kept (NUL).', { cause: error })
    case '40001':
    case '40P01':
      return new AppError('conflict', 'Somebody else changed this at the same moment. Try again.', { cause: error })
    default:
      return isOutOfReach(state)
        ? new AppError('store_unavailable', 'The database cannot be reached. Try again shortly.', {
            cause: error,
            retryAfterSeconds: 5,
          })
        : undefined
  }
}

/**
 * Which of these columns a unique rule says is taken; undefined when the error is another. The rule's name tells:
 * PostgreSQL and the platform's tools both put the column's name in it.
 */
export function takenColumn<Column extends string>(error: unknown, columns: readonly Column[]): Column | undefined {
  if (sqlStateOf(error) !== '23505') return undefined
  const rule = error instanceof Error && 'constraint' in error ? String(error.constraint) : ''
  return columns.find((column) => rule.includes(column))
}

function sqlStateOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Class 08 and 57P: the connection; 53: no room for another; the rest are Node's own words. */
function isOutOfReach(state: string): boolean {
  return (
    /^(08...|57P0[123]|53[123]00)$/.test(state) || ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE'].includes(state)
  )
}
