import { AppError, type ErrorCode, codeOf, hasCode } from '../../errors/app-error.ts'
import { OutcomeUnknown } from './in-transaction.ts'

/** The statements before it took too long. Nothing was done for the request. */
export class WaitedTooLong extends Error {
  override readonly name = 'WaitedTooLong'
}

type Answer = { code: ErrorCode; message: string; retryAfterSeconds?: number }

const withNul = { code: 'validation_failed', message: 'A text holds a character that cannot be kept (NUL).' } as const
const changedMeanwhile = {
  code: 'conflict',
  message: 'Somebody else changed this at the same moment. Try again.',
} as const
const busy = {
  code: 'store_unavailable',
  message: 'The database is too busy for this just now. Try again shortly.',
  retryAfterSeconds: 5,
} as const

const answerByState: Record<string, Answer> = {
  '23505': { code: 'conflict', message: 'This exists already.' },
  '23503': { code: 'conflict', message: 'Something that this refers to is no longer there. Load it again.' },
  '22001': { code: 'validation_failed', message: 'A value is too long.' },
  '22021': withNul,
  '22P05': withNul,
  '40001': changedMeanwhile,
  '40P01': changedMeanwhile,
  // Behind somebody's lock, or at its own work, for longer than anybody is to wait.
  '55P03': busy,
  '57014': busy,
}

/**
 * What PostgreSQL refused, as an answer for people; undefined for what is a mistake of ours. The one place that knows
 * SQLSTATEs by number.
 */
export function appErrorOf(error: unknown): AppError | undefined {
  if (error instanceof OutcomeUnknown)
    return unreachable(error, 'It may have kept this change or not: look before you try again.')
  const answer = error instanceof WaitedTooLong ? busy : answerByState[codeOf(error) ?? '']
  if (answer === undefined) return isUnreachable(error) ? unreachable(error, 'Try again shortly.') : undefined
  const { code, message, ...more } = answer
  return new AppError(code, message, { cause: error, ...more })
}

function unreachable(cause: unknown, whatToDo: string): AppError {
  return new AppError('store_unavailable', `The database cannot be reached. ${whatToDo}`, {
    cause,
    retryAfterSeconds: 5,
  })
}

/** By the first two characters of a SQLSTATE. */
const refusalByClass: Record<string, string> = {
  '22': 'The database refused a value that it cannot keep.',
  '23': 'The database refused what contradicts something that it keeps.',
  '28': 'The database refused the user or the password that the service has.',
  '40': 'The database let something else go first, which changed the same.',
  '42': 'The database lacks something that this version of the service needs, or does not allow it.',
  '53': 'The database has no room for this: its disk, its memory or its connections are used up.',
  '55': 'The database was held by something else for longer than was to be waited.',
  '57': 'The database was ending, or ended this because it took too long.',
}

/** Why work on the database failed, with no word of PostgreSQL's own; undefined where it was not the database. */
export function describeDatabaseFailure(error: unknown): string | undefined {
  if (error instanceof OutcomeUnknown || isUnreachable(error)) return 'The database could not be reached.'
  // Only what PostgreSQL answers has a severity; the system's codes can be as long as its own.
  if (!(error instanceof Error && 'severity' in error)) return undefined
  return refusalByClass[(codeOf(error) ?? '').slice(0, 2)] ?? 'The database failed at it.'
}

/**
 * Which of these columns a unique rule says is taken; undefined when the error is another. The rule's name tells:
 * PostgreSQL and the platform's tools both put the column's name in it.
 */
export function takenColumn<Column extends string>(error: unknown, columns: readonly Column[]): Column | undefined {
  if (!hasCode(error, '23505')) return undefined
  const rule = error instanceof Error && 'constraint' in error ? String(error.constraint) : ''
  return columns.find((column) => rule.includes(column))
}

/** Whether somebody else held a lock for longer than was to be waited. */
export function isLockTimeout(error: unknown): boolean {
  return hasCode(error, '55P03')
}

/**
 * Whether the user of the database lacks a right to a table or function: so it is of every row alike. A rule for rows, or a
 * trigger of the platform's, gives the same code for one row alone.
 */
export function isPermissionDenied(error: unknown): boolean {
  return hasCode(error, '42501') && error instanceof Error && 'routine' in error && error.routine === 'aclcheck_error'
}

/** Whether the server has no room for more, or gave up at its own work: to ask for more would make it worse. */
export function isOverload(error: unknown): boolean {
  const state = codeOf(error) ?? ''
  return state.startsWith('53') || state === '57014'
}

/** Whether this transaction and another waited for each other, and this one had to give way. */
export function isDeadlock(error: unknown): boolean {
  return hasCode(error, '40P01')
}

/** Class 08 and 57P: the connection; 53: no room for another. */
const unreachableStates = /^(08...|57P0[123]|53[123]00)$/

/** Node's own words, on the way to the server or on a connection to it. */
const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** What the driver says, without any code, when the server hangs up or no connection is to be had in time. */
const driverMessages =
  /^(Connection terminated|timeout e|Query read timeout|Client (has encountered a connection error|was closed))/

/** The driver has no code for this either. */
const driverMessagesWithoutTls = /^(The server does not support|There was an error establishing an) SSL connection/

/** Whether TLS was asked of a server that does without. */
export function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && driverMessagesWithoutTls.test(error.message)
}

/** Whether a pooler answers, which does not pass our limits of time on to the server. */
export function isFromPooler(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('unsupported startup parameter')
}

/** Whether it says that nothing answers, or nothing that is a database, or none with room for us. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = codeOf(error) ?? ''
  if (code === '') return driverMessages.test(error.message)
  if (unreachableStates.test(code)) return true
  // A request whose client went away is reset too, but by no call to the system.
  if (!('syscall' in error)) return false
  // A missing socket is a server that does not run; any other missing file is another matter.
  return unreachableCodes.has(code) || (code === 'ENOENT' && error.syscall === 'connect')
}
