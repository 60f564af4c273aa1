import type { FastifyReply, FastifyRequest } from 'fastify'

import { AppError, type ErrorCode } from '../../errors/app-error.ts'
import { sentenceOf } from '../../errors/faults.ts'
import { errorTable } from './error-codes.ts'
import { appErrorOf } from './database-fault-answers.ts'
import { fieldsOf, InvalidInput } from '../requests/check-input.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** The error code of this response. */
    errorCode?: ErrorCode
  }
}

/** Answers any thrown error as problem+json. Only the messages of `AppError` reach the client; the original is logged. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = recordError(error, request, reply)
  const { status } = errorTable[answer.code]
  if (answer.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', Math.ceil(answer.retryAfterSeconds))
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(presentProblem(answer, request.id))
}

/** Counts and logs an error, without an answer. */
export function recordError(error: unknown, request: FastifyRequest, reply: FastifyReply): AppError {
  const answer = toAppError(error)
  const { code } = answer
  reply.errorCode = code
  if (errorTable[code].status >= 500) request.log.error({ event: 'request_failed', code, err: error }, 'request failed')
  return answer
}

function toAppError(error: unknown): AppError {
  if (error instanceof InvalidInput) return answerInput(error)
  const detail = errorTable.internal.example
  return fromFrameworkError(error) ?? appErrorOf(error) ?? new AppError('internal', detail, { cause: error })
}

function answerInput(error: InvalidInput): AppError {
  const fields = fieldsOf(error)
  // An invalid id in the path names nothing: not found, rather than invalid.
  if (error.validationContext === 'params') {
    const isId = error.issues.some((issue) => issue.code === 'invalid_format' && issue.format === 'guid')
    const reason = isId ? ': an id in it is not a UUID' : ''
    return new AppError('not_found', `There is nothing at this address${reason}.`, { fields })
  }
  const faults = fields.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new AppError('validation_failed', `Not valid: ${faults}.`, { fields })
}

const frameworkFailures: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_type',
    'This Content-Type is not supported here. Send application/json, or a file as multipart/form-data.',
  ],
  FST_INVALID_MULTIPART_CONTENT_TYPE: [
    'unsupported_type',
    'Send the file as multipart/form-data, in a field named "file".',
  ],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body of this request is too large.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['bad_request', 'The body is not JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad_request', 'The length of the body differs from Content-Length.'],
  FST_PARTS_LIMIT: ['bad_request', 'The form has too many parts. Send one file in a field named "file".'],
  FST_FILES_LIMIT: ['bad_request', 'The form has more than one file. Send one at a time.'],
  FST_FIELDS_LIMIT: ['bad_request', 'The form has too many fields. Send one file in a field named "file".'],
}

function fromFrameworkError(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined
  const known = frameworkFailures['code' in error ? String(error.code) : '']
  if (known !== undefined) return new AppError(...known)
  return error.statusCode >= 400 && error.statusCode < 500
    ? new AppError('bad_request', 'The request could not be understood.', { cause: error })
    : undefined
}

/** The problem document of contract §2. */
export function presentProblem(answer: AppError, requestId: string) {
  const { status, title } = errorTable[answer.code]
  const sentence = sentenceOf(answer)
  return {
    type: 'about:blank',
    title,
    status,
    detail: sentence,
    code: answer.code,
    request_id: requestId,
    ...(answer.fields.length > 0 ? { errors: answer.fields } : {}),
    ...answer.members,
    message: sentence,
    error_code: answer.code,
  }
}
