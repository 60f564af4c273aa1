import type { FastifyReply, FastifyRequest } from 'fastify'

import { appErrorOf } from '../../database/connection/postgres-errors.ts'
import { AppError, type ErrorCode } from '../../errors/app-error.ts'
import { fieldsOf, InvalidInput } from '../requests/check-input.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the refusal that this answer is. */
    errorCode?: ErrorCode
  }
}

/** Turns whatever was thrown into problem+json. Only our own sentences reach the client; the original goes to the log. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = toAppError(error)
  const { status } = statusByCode[answer.code]
  reply.errorCode = answer.code
  if (status >= 500) request.log.error({ event: 'request_failed', code: answer.code, err: error }, 'request failed')

  if (answer.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', Math.ceil(answer.retryAfterSeconds))
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(presentProblem(answer, request.id))
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof InvalidInput) return answerInput(error)
  const detail = 'Something went wrong on our side. Try again; if it stays, tell us the request id.'
  return fromFrameworkError(error) ?? appErrorOf(error) ?? new AppError('internal', detail, { cause: error })
}

function answerInput(error: InvalidInput): AppError {
  const fields = fieldsOf(error)
  // What could not be the name of anything is no place, rather than a wrong way to ask.
  if (error.validationContext === 'params') {
    const isId = error.issues.some((issue) => issue.code === 'invalid_format' && issue.format === 'guid')
    const why = isId ? ': an id in it is not a UUID' : ''
    return new AppError('not_found', `There is nothing at this address${why}.`, { fields })
  }
  const faults = fields.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new AppError('validation_failed', `Not valid: ${faults}.`, { fields })
}

const frameworkFailures: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_type',
    'This call does not take that Content-Type. Send application/json, or a file as multipart/form-data.',
  ],
  FST_INVALID_MULTIPART_CONTENT_TYPE: [
    'unsupported_type',
    'Send the file as multipart/form-data, in a field named "file".',
  ],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body of this request is too large.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['bad_request', 'The body is not JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad_request', 'The body is not as long as Content-Length says.'],
  FST_PARTS_LIMIT: ['bad_request', 'The form has too many parts; send one file in a field named "file".'],
  FST_FILES_LIMIT: ['bad_request', 'The form has more than one file; send one at a time.'],
  FST_FIELDS_LIMIT: ['bad_request', 'The form has too many fields; send one file in a field named "file".'],
}

function fromFrameworkError(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined
  const known = frameworkFailures['code' in error ? String(error.code) : '']
  if (known !== undefined) return new AppError(...known)
  return error.statusCode >= 400 && error.statusCode < 500
    ? new AppError('bad_request', 'The request could not be understood.', { cause: error })
    : undefined
}

/** A refusal as the contract §2 shows it. */
export function presentProblem(answer: AppError, requestId: string) {
  const { status, title } = statusByCode[answer.code]
  return {
    type: 'about:blank',
    title,
    status,
    detail: answer.message,
    code: answer.code,
    request_id: requestId,
    ...(answer.fields.length > 0 ? { errors: answer.fields } : {}),
    message: answer.message,
    error_code: answer.code,
  }
}

/** The one table from code to status and title; docs/errors.md explains each and is held against it by a test. */
export const statusByCode: Record<ErrorCode, { status: number; title: string }> = {
  bad_request: { status: 400, title: 'Bad request' },
  unauthenticated: { status: 401, title: 'Not logged in' },
  not_a_member: { status: 403, title: 'Not a member of this firm' },
  forbidden: { status: 403, title: 'Not allowed' },
  firm_locked: { status: 403, title: 'Firm is locked' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict' },
  scan_pending: { status: 409, title: 'Not scanned yet' },
  quarantined: { status: 409, title: 'In quarantine' },
  gone: { status: 410, title: 'Gone' },
  precondition_failed: { status: 412, title: 'Changed meanwhile' },
  too_large: { status: 413, title: 'Too large' },
  unsupported_type: { status: 415, title: 'Unsupported type' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  validation_failed: { status: 422, title: 'Not valid' },
  empty_file: { status: 422, title: 'Empty file' },
  infected: { status: 422, title: 'Infected file' },
  precondition_required: { status: 428, title: 'Precondition required' },
  rate_limited: { status: 429, title: 'Too many requests' },
  quota_exceeded: { status: 429, title: 'Quota exceeded' },
  internal: { status: 500, title: 'Internal error' },
  store_unavailable: { status: 503, title: 'Store unavailable' },
}
