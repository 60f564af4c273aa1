import type { FastifyReply, FastifyRequest } from 'fastify'

import { appErrorOf } from '../database/postgres-errors.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { fieldsOf, InvalidInput } from './check-input.ts'
import { presentProblem } from './present-problem.ts'
import { statusByCode } from './status-of.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the refusal that this answer is. */
    refusedWith?: ErrorCode
  }
}

/** Turns whatever was thrown into problem+json. Only our own sentences reach the client; the original goes to the log. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = toAppError(error)
  const { status } = statusByCode[answer.code]
  reply.refusedWith = answer.code
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
  return (
    frameworkRefusal(error) ??
    appErrorOf(error) ??
    new AppError('internal', 'Something went wrong on our side. Try again; if it stays, tell us the request id.', {
      cause: error,
    })
  )
}

function answerInput(error: InvalidInput): AppError {
  const fields = fieldsOf(error)
  // What could not be the name of anything is no place, rather than a wrong way to ask.
  if (error.validationContext === 'params') {
    const isId = error.issues.some((issue) => issue.code === 'invalid_format' && issue.format === 'guid')
    return new AppError('not_found', `There is nothing at this address${isId ? ': an id in it is not a UUID' : ''}.`, {
      fields,
    })
  }
  return new AppError(
    'validation_failed',
    `Not valid: ${fields.map(({ field, message }) => `${field}: ${message}`).join('; ')}.`,
    { fields },
  )
}

const frameworkRefusals: Record<string, (error: Error) => AppError> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new AppError(
      'unsupported_type',
      'This call does not take that Content-Type. Send application/json, or a file as multipart/form-data.',
    ),
  FST_INVALID_MULTIPART_CONTENT_TYPE: () =>
    new AppError('unsupported_type', 'Send the file as multipart/form-data, in a field named "file".'),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new AppError('too_large', 'The body of this request is too large.'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => new AppError('bad_request', 'The body is not JSON.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new AppError('bad_request', 'The body is not as long as Content-Length says.'),
  FST_PARTS_LIMIT: () =>
    new AppError('bad_request', 'The form has too many parts; send one file in a field named "file".'),
  FST_FILES_LIMIT: () => new AppError('bad_request', 'The form has more than one file; send one at a time.'),
  FST_FIELDS_LIMIT: () =>
    new AppError('bad_request', 'The form has too many fields; send one file in a field named "file".'),
}

function frameworkRefusal(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined
  const code = 'code' in error ? String(error.code) : ''
  const known = frameworkRefusals[code]
  if (known !== undefined) return known(error)
  return error.statusCode >= 400 && error.statusCode < 500
    ? new AppError('bad_request', 'The request could not be understood.', { cause: error })
    : undefined
}
