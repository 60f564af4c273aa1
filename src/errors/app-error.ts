/** Every error code of the API; docs/errors.md explains each one. */
export const errorCodes = [
  'bad_request',
  'unauthenticated',
  'not_a_member',
  'forbidden',
  'firm_locked',
  'second_factor_required',
  'password_change_required',
  'email_unverified',
  'not_found',
  'method_not_allowed',
  'conflict',
  'too_many_firms',
  'second_person_required',
  'claimed',
  'application_incomplete',
  'scan_pending',
  'quarantined',
  'gone',
  'precondition_failed',
  'too_large',
  'unsupported_type',
  'range_not_satisfiable',
  'validation_failed',
  'empty_file',
  'infected',
  'precondition_required',
  'rate_limited',
  'quota_exceeded',
  'internal',
  'store_unavailable',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export type FieldError = { field: string; message: string }

type Extras = {
  cause?: unknown
  fields?: FieldError[]
  retryAfterSeconds?: number
  /** Further members of the problem document. */
  members?: Record<string, unknown>
  /** Recorded in the audit trail with the code. */
  details?: Record<string, unknown>
}

/**
 * An error that a person can act on. The client gets `message` unchanged, unless the error is an `AccessDenied` or a
 * `Fault`: it says what happened and what to do, and names no path, bucket, key or SDK text. The original is in `cause`, for the log only.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly fields: FieldError[]
  readonly retryAfterSeconds: number | undefined
  readonly members: Record<string, unknown>
  readonly details: Record<string, unknown>

  constructor(code: ErrorCode, message: string, extras: Extras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.code = code
    this.fields = extras.fields ?? []
    this.retryAfterSeconds = extras.retryAfterSeconds
    this.members = extras.members ?? {}
    this.details = extras.details ?? {}
  }
}

export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code)
}

/** One line for the person who starts the service: the variable, what is wrong, what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** The code of an error of the system, Node or PostgreSQL, such as `ENOENT` or `23505`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined
  return unnamedByNode.get(error.code) ?? error.code
}

/** Codes without a name in Node, which writes them as a sentence. */
const unnamedByNode = new Map([['Unknown system error -122', 'EDQUOT']])

/** Whether an error carries one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const code = codeOf(error)
  return code !== undefined && codes.includes(code)
}

/** Why a person may not act in a firm, and the code of the answer. */
export const denialCodes = {
  unauthenticated: 'unauthenticated',
  session_over: 'unauthenticated',
  key_over: 'unauthenticated',
  key_scope: 'forbidden',
  key_of_other_firm: 'forbidden',
  key_maker: 'forbidden',
  second_factor_required: 'second_factor_required',
  password_change_required: 'password_change_required',
  account_locked: 'forbidden',
  firm_missing: 'not_found',
  not_a_member: 'not_a_member',
  forbidden: 'forbidden',
  administrators_read: 'forbidden',
  reviewers_read: 'forbidden',
  own_firm: 'forbidden',
  firm_locked: 'firm_locked',
  email_unverified: 'email_unverified',
} as const satisfies Record<string, ErrorCode>

export type Denial = keyof typeof denialCodes

/** A person may not do this. The message is the reason's name; `sentenceOf` has the sentence for people. */
export class AccessDenied extends AppError {
  readonly denial: Denial

  constructor(denial: Denial) {
    super(denialCodes[denial], denial)
    this.denial = denial
  }
}
