import { describe, expect, test } from 'vitest'

import { s3FailureOf, type S3Trouble } from './s3-errors.ts'

/** An error as the SDK throws it for an answer of S3. */
function answered(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error('Words of S3'), { name, $metadata: { httpStatusCode, attempts: 1 } })
}

describe('S3 is unavailable, and files are stored elsewhere meanwhile', () => {
  const outages: [trouble: S3Trouble, name: string, status: number][] = [
    ['no_answer', 'RequestTimeout', 400],
    ['no_answer', 'IncompleteBody', 400],
    ['refused_credentials', 'InvalidAccessKeyId', 403],
    ['refused_credentials', 'SignatureDoesNotMatch', 403],
    ['refused_credentials', 'ExpiredToken', 400],
    ['refused_credentials', 'ExpiredTokenException', 400],
    ['refused_credentials', 'InvalidToken', 400],
    ['refused_credentials', 'TokenRefreshRequired', 400],
    ['refused_credentials', 'InvalidSecurity', 403],
    ['refused_credentials', 'NotSignedUp', 403],
    ['not_allowed', 'AccessDenied', 403],
    ['not_allowed', 'AccessDeniedException', 400],
    ['not_allowed', 'AllAccessDisabled', 403],
    ['not_allowed', 'AccountProblem', 403],
    ['not_allowed', 'AccountSuspended', 403],
    ['not_allowed', 'UserSuspended', 403],
    ['not_allowed', 'InvalidPayer', 403],
    ['not_allowed', 'MethodNotAllowed', 405],
    ['not_allowed', 'QuotaExceeded', 403],
    ['not_allowed', 'StorageFull', 507],
    ['not_allowed', 'KMS.DisabledException', 400],
    ['not_allowed', 'KMS.KMSInvalidStateException', 400],
    ['not_allowed', 'KMS.NotFoundException', 400],
    ['not_allowed', 'KMS.AccessDeniedException', 400],
    ['no_bucket', 'NoSuchBucket', 404],
    ['wrong_place', 'PermanentRedirect', 301],
    ['wrong_place', 'TemporaryRedirect', 307],
    ['wrong_place', 'Redirect', 307],
    ['wrong_place', 'AuthorizationHeaderMalformed', 400],
    ['wrong_place', 'IllegalLocationConstraintException', 400],
    ['wrong_place', 'InvalidRegionName', 400],
    ['wrong_place', 'InvalidBucketName', 400],
    ['clock_off', 'RequestTimeTooSkewed', 403],
    ['clock_off', 'RequestExpired', 400],
    ['too_busy', 'SlowDown', 503],
    ['too_busy', 'TooManyRequests', 429],
    ['too_busy', 'TooManyRequestsException', 429],
    ['too_busy', 'Throttling', 400],
    ['too_busy', 'ThrottlingException', 400],
    ['broken', 'InternalError', 500],
    ['broken', 'ServiceUnavailable', 503],
    ['broken', 'NotImplemented', 501],
    ['broken', 'BadDigest', 400],
    ['broken', 'XAmzContentSHA256Mismatch', 400],
    ['broken', 'ConditionalRequestConflict', 409],
    ['broken', 'OperationAborted', 409],
    ['broken', 'NoSuchUpload', 404],
  ]

  test.each(outages)('%s: S3 answers %s (%i)', (trouble, name, status) => {
    expect(s3FailureOf(answered(name, status))).toMatchObject({ code: 'unavailable', trouble, s3Code: name, status })
  })

  const unheardOf: [status: number, trouble: S3Trouble][] = [
    [200, 'broken'],
    [307, 'wrong_place'],
    [401, 'not_allowed'],
    [403, 'not_allowed'],
    [408, 'no_answer'],
    [409, 'broken'],
    [429, 'too_busy'],
    [500, 'broken'],
    [502, 'broken'],
    [503, 'too_busy'],
    [504, 'broken'],
  ]

  test.each(unheardOf)('an unknown code is classified by its status: %i is %s', (status, trouble) => {
    expect(s3FailureOf(answered('Unheard', status))).toMatchObject({ code: 'unavailable', trouble })
  })

  const ofAnyServer: [what: string, error: Error][] = [
    ['a page that is no XML', Object.assign(answered('Error', 404), { message: 'XML parse error' })],
    ['a page that is XML, and no word of S3’s', answered('NotFound', 404)],
    ['nothing', answered('NotFound', 404)],
    ['a redirection', answered('Unknown', 302)],
    ['that it is gone', answered('Unknown', 410)],
    ['that it knows no such method', answered('Error', 501)],
  ]

  test.each(ofAnyServer)('%s in place of S3’s error: the server is not S3', (_what, error) => {
    const failure = { code: 'unavailable', trouble: 'not_s3', s3Code: 'NotS3' }
    expect(s3FailureOf(error, { hasBody: true })).toMatchObject(failure)
  })

  test.each([
    ['a key that is not there, asked for by HEAD', answered('NotFound', 404), {}, 'bytes_missing'],
    [
      'a key that is not there',
      Object.assign(answered('NotFound', 404), { Code: 'NotFound' }),
      { hasBody: true },
      'bytes_missing',
    ],
    ['a proxy’s word on a file that is too large', answered('Error', 413), { hasBody: true }, 'misused'],
    ['a request that nobody understands', answered('Unknown', 400), { hasBody: true }, 'misused'],
  ])('%s says nothing of that', (_what, error, how, code) => {
    expect(s3FailureOf(error, how)).toMatchObject({ code, trouble: undefined })
  })

  const silences: [what: string, error: unknown, s3Code: string, trouble: S3Trouble][] = [
    ['a refused connection', withCode('ECONNREFUSED'), 'ECONNREFUSED', 'no_answer'],
    ['a reset', named('TimeoutError', 'ECONNRESET'), 'ECONNRESET', 'no_answer'],
    ['a timeout', named('TimeoutError'), 'TimeoutError', 'no_answer'],
    ['an unknown host', withCode('ENOTFOUND'), 'ENOTFOUND', 'no_answer'],
    [
      'a certificate of another name',
      withCode('ERR_TLS_CERT_ALTNAME_INVALID'),
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'no_answer',
    ],
    ['no credentials', named('CredentialsProviderError'), 'CredentialsProviderError', 'no_credentials'],
    ['no token of the single sign-on', named('TokenProviderError'), 'TokenProviderError', 'no_credentials'],
    ['a thrown word', 'oops', 'Unknown', 'no_answer'],
  ]

  test.each(silences)('%s', (_what, error, s3Code, trouble) => {
    expect(s3FailureOf(error)).toMatchObject({ code: 'unavailable', trouble, s3Code, attempts: 1 })
  })
})

describe('S3 works, and the error concerns the file or the service', () => {
  const answers: [code: string, name: string, status: number][] = [
    ['key_taken', 'PreconditionFailed', 412],
    ['bytes_missing', 'NoSuchKey', 404],
    ['bytes_missing', 'NotFound', 404],
    ['bytes_missing', 'NoSuchVersion', 404],
    ['range_not_satisfiable', 'InvalidRange', 416],
    ['invalid_key', 'KeyTooLongError', 400],
    ['invalid_key', 'InvalidObjectName', 400],
    ['invalid_key', 'InvalidURI', 400],
    ['misused', 'InvalidObjectState', 403],
    ['misused', 'InvalidArgument', 400],
    ['misused', 'InvalidRequest', 400],
    ['misused', 'InvalidDigest', 400],
    ['misused', 'InvalidStorageClass', 400],
    ['misused', 'InvalidPart', 400],
    ['misused', 'InvalidPartOrder', 400],
    ['misused', 'MalformedXML', 400],
    ['misused', 'MetadataTooLarge', 400],
    ['misused', 'RequestHeaderSectionTooLarge', 400],
    ['misused', 'EntityTooLarge', 400],
    ['misused', 'EntityTooSmall', 400],
    ['misused', 'MissingContentLength', 411],
    ['misused', 'MissingRequestBodyError', 400],
    ['misused', 'UnexpectedContent', 400],
    ['misused', 'Unheard', 400],
    ['misused', 'Unheard', 404],
  ]

  test.each(answers)('%s: S3 answers %s (%i)', (code, name, status) => {
    expect(s3FailureOf(answered(name, status))).toMatchObject({ code, trouble: undefined, s3Code: name, status })
  })

  test('a request that Node rejects is our own mistake', () => {
    const refused = Object.assign(new TypeError('Invalid character'), { code: 'ERR_INVALID_CHAR' })
    expect(s3FailureOf(refused)).toMatchObject({ code: 'misused', trouble: undefined })
  })

  test('a property name of every object is not a code of S3', () => {
    expect(s3FailureOf(answered('constructor', 400)).code).toBe('misused')
  })
})

function withCode(code: string): Error {
  return Object.assign(new Error('x'), { code })
}

function named(name: string, code?: string): Error {
  return Object.assign(new Error('x'), { name }, code === undefined ? {} : { code })
}
