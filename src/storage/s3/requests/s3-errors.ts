import type { StoreErrorCode } from '../../file-store.ts'

/**
 * Why S3 cannot be used. These values label metrics. `not_s3`: another server answers. `not_ours`: the bucket belongs to
 * another installation, or shows no owner. `ending`: the service is shutting down.
 */
export const s3Troubles = [
  'no_answer',
  'no_credentials',
  'refused_credentials',
  'not_allowed',
  'no_bucket',
  'wrong_place',
  'clock_off',
  'too_busy',
  'broken',
  'not_s3',
  'not_ours',
  'ending',
] as const
export type S3Trouble = (typeof s3Troubles)[number]
const troubles = new Set<string>(s3Troubles)

/** The facts of a failed call to S3. All of them may be logged. */
export type S3Failure = {
  code: StoreErrorCode
  /** Set only when the code is `unavailable`. */
  trouble: S3Trouble | undefined
  s3Code: string
  status: number | undefined
  requestId: string | undefined
  attempts: number
}

/** The troubles that an answer of S3 can show. */
type AnsweredTrouble = Exclude<S3Trouble, 'not_ours' | 'ending'>
type Meaning = AnsweredTrouble | Exclude<StoreErrorCode, 'unavailable'>

/**
 * The meaning of each S3 error code. A trouble may pass, or the operator can fix it, so the file is stored locally meanwhile.
 * `misused` is a bug in our request: S3 would never accept it.
 */
const codesByMeaning: Record<Meaning, string[]> = {
  key_taken: ['PreconditionFailed'],
  // `NotFound`: the answer to a HEAD has no body with a code.
  bytes_missing: ['NoSuchKey', 'NotFound', 'NoSuchVersion'],
  range_not_satisfiable: ['InvalidRange'],
  invalid_key: ['KeyTooLongError', 'InvalidObjectName', 'InvalidURI'],

  no_answer: ['TimeoutError', 'RequestTimeout', 'IncompleteBody'],
  no_credentials: ['CredentialsProviderError', 'TokenProviderError'],
  refused_credentials: [
    'InvalidAccessKeyId',
    'SignatureDoesNotMatch',
    'ExpiredToken',
    'ExpiredTokenException',
    'InvalidToken',
    'TokenRefreshRequired',
    'InvalidSecurity',
    'NotSignedUp',
  ],
  not_allowed: [
    'AccessDenied',
    'AccessDeniedException',
    'AllAccessDisabled',
    'AccountProblem',
    'AccountSuspended',
    'UserSuspended',
    'InvalidPayer',
    'MethodNotAllowed',
    'QuotaExceeded',
    'StorageFull',
    // The bucket's encryption key is disabled. Its owner can enable it again.
    'KMS.DisabledException',
    'KMS.KMSInvalidStateException',
    'KMS.NotFoundException',
    'KMS.AccessDeniedException',
  ],
  no_bucket: ['NoSuchBucket'],
  wrong_place: [
    'PermanentRedirect',
    'TemporaryRedirect',
    'Redirect',
    'AuthorizationHeaderMalformed',
    'IllegalLocationConstraintException',
    'InvalidRegionName',
    'InvalidBucketName',
  ],
  clock_off: ['RequestTimeTooSkewed', 'RequestExpired'],
  too_busy: ['SlowDown', 'TooManyRequests', 'TooManyRequestsException', 'Throttling', 'ThrottlingException'],
  // Our own code.
  not_s3: ['NotS3'],
  // The last five: the content was damaged on the way, or another call interfered. A retry may succeed.
  broken: [
    'InternalError',
    'ServiceUnavailable',
    'NotImplemented',
    'BadDigest',
    'XAmzContentSHA256Mismatch',
    'ConditionalRequestConflict',
    'OperationAborted',
    'NoSuchUpload',
  ],

  // `InvalidObjectState` (status 403) concerns one archived object, not S3.
  misused: [
    'InvalidObjectState',
    'InvalidArgument',
    'InvalidRequest',
    'InvalidDigest',
    'InvalidStorageClass',
    'InvalidPart',
    'InvalidPartOrder',
    'MalformedXML',
    'MetadataTooLarge',
    'RequestHeaderSectionTooLarge',
    'EntityTooLarge',
    'EntityTooSmall',
    'MissingContentLength',
    'MissingRequestBodyError',
    'UnexpectedContent',
  ],
}

// A map, because names of `Object.prototype` are no codes.
const meaningOfCode = new Map(
  // The keys are the record's own.
  (Object.entries(codesByMeaning) as [Meaning, string[]][]).flatMap(([meaning, codes]) =>
    codes.map((code) => [code, meaning] as const),
  ),
)

// 409: another call interfered, whatever code a store uses for that.
const meaningOf4xx = new Map<number, Meaning>([
  [401, 'not_allowed'],
  [403, 'not_allowed'],
  [408, 'no_answer'],
  [409, 'broken'],
  [429, 'too_busy'],
])

/** Classifies an error of the SDK by its code, else by its status. `hasBody`: the answer may have a body, as for all calls but HEAD. */
export function s3FailureOf(error: unknown, { hasBody = false } = {}): S3Failure {
  const shape = shapeOf(error)
  const { code, $metadata } = shape
  const status = $metadata?.httpStatusCode
  const s3Code = isFromOtherServer(shape, hasBody) ? 'NotS3' : codeOfAnswer(shape)
  const meaning = meaningOfCode.get(s3Code) ?? (isInvalidRequest(code) ? 'misused' : meaningOfStatus(status))
  return {
    ...codeOf(meaning),
    s3Code: networkCode(s3Code, code),
    status,
    requestId: $metadata?.requestId,
    attempts: $metadata?.attempts ?? 1,
  }
}

/** Whether the store does not support the call. */
export function isUnknownCall(error: unknown): boolean {
  const { s3Code, status } = s3FailureOf(error)
  return ['NotImplemented', 'MethodNotAllowed'].includes(s3Code) || status === 405 || status === 501
}

function codeOfAnswer({ name, code }: ErrorShape): string {
  return name ?? code ?? 'Unknown'
}

/** Any web server answers an unknown address with these. Other answers without a code may come from a proxy in front of S3. */
const statusesOfAnyServer = new Set([301, 302, 303, 307, 308, 404, 410])
/** Any web server answers an unknown method with these. From S3 they mean an unsupported call. */
const statusesOfMethods = new Set([405, 501])

/** The SDK's names: `Error` when it found no XML; `Unknown`, or `NotFound` without a code, when it found XML or nothing, and no code. */
function isFromOtherServer({ name, Code, $metadata }: ErrorShape, hasBody: boolean): boolean {
  const status = $metadata?.httpStatusCode ?? 0
  if (name === 'Error') return statusesOfAnyServer.has(status) || statusesOfMethods.has(status)
  return hasBody && Code === undefined && (name === 'NotFound' || name === 'Unknown') && statusesOfAnyServer.has(status)
}

/** The store's error code: every trouble is `unavailable`. */
function codeOf(meaning: Meaning): Pick<S3Failure, 'code' | 'trouble'> {
  return isTrouble(meaning) ? { code: 'unavailable', trouble: meaning } : { code: meaning, trouble: undefined }
}

function isTrouble(meaning: Meaning): meaning is AnsweredTrouble {
  return troubles.has(meaning)
}

function meaningOfStatus(status: number | undefined): Meaning {
  if (status === undefined) return 'no_answer'
  if (status >= 500) return status === 503 ? 'too_busy' : 'broken'
  if (status < 400) return status >= 300 ? 'wrong_place' : 'broken'
  return meaningOf4xx.get(status) ?? 'misused'
}

// Node rejects an invalid request before it sends anything.
function isInvalidRequest(code: string | undefined): boolean {
  return code?.startsWith('ERR_INVALID_') ?? false
}

// The SDK calls several network failures "TimeoutError". Node's code is more precise.
function networkCode(s3Code: string, code: string | undefined): string {
  return (s3Code === 'TimeoutError' || s3Code === 'Error') && code !== undefined ? code : s3Code
}

type ErrorShape = {
  name?: string
  /** The code in the answer's XML. */
  Code?: unknown
  code?: string
  $metadata?: { httpStatusCode?: number; requestId?: string; attempts?: number }
}

function shapeOf(error: unknown): ErrorShape {
  // Errors of the SDK have this shape. All fields are optional and only read, so other errors fit too.
  return error instanceof Error ? error : {}
}
