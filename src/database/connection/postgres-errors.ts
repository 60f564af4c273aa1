import { codeOf, hasCode } from '../../errors/app-error.ts'
import { OutcomeUnknown } from './in-transaction.ts'

/** Earlier statements took too long. Nothing was done for the request. */
export class WaitedTooLong extends Error {
  override readonly name = 'WaitedTooLong'
}

/** The kind of an error, for the response to a client. */
export type DatabaseFault =
  | 'duplicate'
  | 'missing_reference'
  | 'value_too_long'
  | 'nul_character'
  | 'concurrent_change'
  | 'busy'
  | 'unreachable'
  | 'outcome_unknown'

const faultByState: Record<string, DatabaseFault> = {
  '23505': 'duplicate',
  '23503': 'missing_reference',
  '22001': 'value_too_long',
  '22021': 'nul_character',
  '22P05': 'nul_character',
  '40001': 'concurrent_change',
  '40P01': 'concurrent_change',
  // A lock timeout and a statement timeout.
  '55P03': 'busy',
  '57014': 'busy',
}

/** Undefined for a programming error. Only this file interprets SQLSTATEs. */
export function databaseFaultOf(error: unknown): DatabaseFault | undefined {
  if (error instanceof OutcomeUnknown) return 'outcome_unknown'
  if (error instanceof WaitedTooLong) return 'busy'
  return faultByState[codeOf(error) ?? ''] ?? (isUnreachable(error) ? 'unreachable' : undefined)
}

/** By the first two characters of a SQLSTATE. */
const failureByClass = {
  '22': 'invalid_value',
  '23': 'constraint',
  '28': 'credentials',
  '40': 'concurrent_change',
  '42': 'not_allowed',
  '53': 'out_of_resources',
  '55': 'locked',
  '57': 'ended',
} as const

/** The kind of a failure of the database, for reports on jobs. */
export type DatabaseFailure = (typeof failureByClass)[keyof typeof failureByClass] | 'unreachable' | 'other'

/** Undefined if the error is not from the database. */
export function databaseFailureOf(error: unknown): DatabaseFailure | undefined {
  if (error instanceof OutcomeUnknown || isUnreachable(error)) return 'unreachable'
  // Only an error of PostgreSQL has a severity; a system error may have a code of the same form.
  if (!(error instanceof Error && 'severity' in error)) return undefined
  const byClass: Record<string, DatabaseFailure> = failureByClass
  return byClass[(codeOf(error) ?? '').slice(0, 2)] ?? 'other'
}

/**
 * The column of a unique constraint that the error names; undefined for another error. PostgreSQL and the platform's tools
 * both put the column's name into the constraint's name.
 */
export function takenColumn<Column extends string>(error: unknown, columns: readonly Column[]): Column | undefined {
  if (!hasCode(error, '23505')) return undefined
  const rule = error instanceof Error && 'constraint' in error ? String(error.constraint) : ''
  return columns.find((column) => rule.includes(column))
}

/** Whether the lock timeout ended the statement. */
export function isLockTimeout(error: unknown): boolean {
  return hasCode(error, '55P03')
}

/**
 * Whether the role lacks a privilege on a table or function, which fails for every row. Row-level security or a trigger of
 * the platform gives the same code for a single row.
 */
export function isPermissionDenied(error: unknown): boolean {
  return hasCode(error, '42501') && error instanceof Error && 'routine' in error && error.routine === 'aclcheck_error'
}

/** Whether the server is out of resources or ended a slow statement. A repeat would make it worse. */
export function isOverload(error: unknown): boolean {
  const state = codeOf(error) ?? ''
  return state.startsWith('53') || state === '57014'
}

/** Whether this transaction was the victim of a deadlock. */
export function isDeadlock(error: unknown): boolean {
  return hasCode(error, '40P01')
}

/** Class 08 and 57P: the connection; 53: no room for another. */
const unreachableStates = /^(08...|57P0[123]|53[123]00)$/

/** System errors while connecting, or on an open connection. */
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

/** Messages of the driver, which have no code: the server closed the connection, or no connection was free in time. */
const driverMessages =
  /^(Connection terminated|timeout e|Query read timeout|Client (has encountered a connection error|was closed))/

/** The driver has no code for these either. */
const driverMessagesWithoutTls = /^(The server does not support|There was an error establishing an) SSL connection/

/** Whether the server does not offer the requested TLS. */
export function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && driverMessagesWithoutTls.test(error.message)
}

/** Whether a transaction pooler rejected our time limits. */
export function isFromPooler(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('unsupported startup parameter')
}

/** Whether no database answered, or it has no free connection. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = codeOf(error) ?? ''
  if (code === '') return driverMessages.test(error.message)
  if (unreachableStates.test(code)) return true
  // An aborted HTTP request is ECONNRESET too, but without a system call.
  if (!('syscall' in error)) return false
  // A missing socket file means that the server is not running. Other missing files are another error.
  return unreachableCodes.has(code) || (code === 'ENOENT' && error.syscall === 'connect')
}
