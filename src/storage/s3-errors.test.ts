import { expect, test } from 'vitest'

import { s3FailureOf } from './s3-errors.ts'

/** An error as the SDK throws it for an answer of S3. */
function answered(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error('Words of S3'), { name, $metadata: { httpStatusCode, attempts: 1 } })
}

const answers: [name: string, status: number, code: string][] = [
  ['PreconditionFailed', 412, 'key_taken'],
  ['NoSuchKey', 404, 'bytes_missing'],
  ['NotFound', 404, 'bytes_missing'],
  ['InvalidRange', 416, 'range_not_satisfiable'],
  ['KeyTooLongError', 400, 'invalid_key'],
  ['InvalidObjectName', 400, 'invalid_key'],
  ['SlowDown', 503, 'unavailable'],
  ['InternalError', 500, 'unavailable'],
  ['ServiceUnavailable', 503, 'unavailable'],
  ['TooManyRequests', 429, 'unavailable'],
  ['ConditionalRequestConflict', 409, 'unavailable'],
  ['RequestTimeout', 400, 'unavailable'],
  ['RequestTimeTooSkewed', 403, 'unavailable'],
  ['ExpiredToken', 400, 'unavailable'],
  ['BadDigest', 400, 'unavailable'],
  ['XAmzContentSHA256Mismatch', 400, 'unavailable'],
  ['NoSuchUpload', 404, 'unavailable'],
  ['NoSuchBucket', 404, 'misused'],
  ['AccessDenied', 403, 'misused'],
  ['InvalidAccessKeyId', 403, 'misused'],
  ['SignatureDoesNotMatch', 403, 'misused'],
  ['PermanentRedirect', 301, 'misused'],
  ['AuthorizationHeaderMalformed', 400, 'misused'],
  ['InvalidObjectState', 403, 'misused'],
]

test.each(answers)('S3 answering %s (%i) is %s', (name, status, code) => {
  expect(s3FailureOf(answered(name, status))).toMatchObject({ code, s3Code: name, status })
})

const silences: [what: string, error: unknown, s3Code: string][] = [
  ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ['a reset', Object.assign(new Error('x'), { name: 'TimeoutError', code: 'ECONNRESET' }), 'ECONNRESET'],
  ['a timeout', Object.assign(new Error('x'), { name: 'TimeoutError' }), 'TimeoutError'],
  ['an unknown host', Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'ENOTFOUND'],
  ['no credentials', Object.assign(new Error('x'), { name: 'CredentialsProviderError' }), 'CredentialsProviderError'],
  ['a thrown word', 'oops', 'Unknown'],
]

test.each(silences)('%s is unavailable', (_what, error, s3Code) => {
  expect(s3FailureOf(error)).toMatchObject({ code: 'unavailable', s3Code, attempts: 1 })
})

test('a name that every object has is not taken for a code of S3', () => {
  expect(s3FailureOf(answered('constructor', 400)).code).toBe('misused')
})
