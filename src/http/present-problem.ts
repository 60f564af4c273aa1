import type { AppError } from '../errors.ts'
import { statusByCode } from './status-of.ts'

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
