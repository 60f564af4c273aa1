import type { StoreErrorCode } from './file-store.ts'

/** What is worth knowing of a failed call to S3, in a form that may be logged. */
export type S3Failure = {
  code: StoreErrorCode
  s3Code: string
  status: number | undefined
  requestId: string | undefined
  attempts: number
}

// A map, not an object: of that, any name of its prototype would be a code.
const byS3Code = new Map<string, StoreErrorCode>([
  ['PreconditionFailed', 'key_taken'],

  ['NoSuchKey', 'bytes_missing'],
  ['NotFound', 'bytes_missing'], // a HEAD's answer has no body that could say more
  ['NoSuchVersion', 'bytes_missing'],

  ['InvalidRange', 'range_not_satisfiable'],

  ['KeyTooLongError', 'invalid_key'],
  ['InvalidObjectName', 'invalid_key'],
  ['InvalidURI', 'invalid_key'],

  // Refusals of status 4xx that another attempt, or other credentials of the same chain, may well get past.
  ['BadDigest', 'unavailable'],
  ['ConditionalRequestConflict', 'unavailable'],
  ['ExpiredToken', 'unavailable'],
  ['IncompleteBody', 'unavailable'],
  ['NoSuchUpload', 'unavailable'],
  ['OperationAborted', 'unavailable'],
  ['RequestTimeTooSkewed', 'unavailable'],
  ['RequestTimeout', 'unavailable'],
  ['SlowDown', 'unavailable'],
  ['TooManyRequestsException', 'unavailable'],
  ['XAmzContentSHA256Mismatch', 'unavailable'],

  ['NoSuchBucket', 'misused'],
  ['AccessDenied', 'misused'],
])

/**
 * Sorts what the SDK threw. A code that is not in the table counts by its status: no answer, 429 and 5xx are
 * `unavailable`, another refusal is `misused`.
 */
export function s3FailureOf(error: unknown): S3Failure {
  const { name, code, $metadata } = shapeOf(error)
  const status = $metadata?.httpStatusCode
  const s3Code = name ?? code ?? 'Unknown'
  return {
    code: byS3Code.get(s3Code) ?? byStatus(status),
    s3Code: networkCode(s3Code, code),
    status,
    requestId: $metadata?.requestId,
    attempts: $metadata?.attempts ?? 1,
  }
}

function byStatus(status: number | undefined): StoreErrorCode {
  if (status === undefined || status === 429 || status >= 500) return 'unavailable'
  return 'misused'
}

// "TimeoutError" is the SDK's word for half a dozen failures of the network; Node's own code says which.
function networkCode(s3Code: string, code: string | undefined): string {
  return (s3Code === 'TimeoutError' || s3Code === 'Error') && code !== undefined ? code : s3Code
}

type ErrorShape = {
  name?: string
  code?: string
  $metadata?: { httpStatusCode?: number; requestId?: string; attempts?: number }
}

function shapeOf(error: unknown): ErrorShape {
  // Every field is optional and only read: what the SDK throws has this shape, and anything else has none of it.
  return error instanceof Error ? error : {}
}
