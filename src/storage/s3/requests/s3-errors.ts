import type { StoreErrorCode } from '../../file-store.ts'

/**
 * Why S3 cannot be used. A closed list: it labels figures, and each has a sentence for people. `not_s3`: what answers is
 * another server. `not_ours`: nothing in the bucket shows that it is. `ending`: the service is.
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

/** What is worth knowing of a failed call to S3, in a form that may be logged. */
export type S3Failure = {
  code: StoreErrorCode
  /** Set with `unavailable` alone. */
  trouble: S3Trouble | undefined
  s3Code: string
  status: number | undefined
  requestId: string | undefined
  attempts: number
}

/** What an answer of S3's can mean; the others are found out here. */
type AnsweredTrouble = Exclude<S3Trouble, 'not_ours' | 'ending'>
type Meaning = AnsweredTrouble | Exclude<StoreErrorCode, 'unavailable'>

/**
 * What an answer of S3 means. A trouble may pass, or the operator can mend it: the file waits on the local disk meanwhile.
 * `misused` is our own mistake: S3 would never take this file in this way.
 */
const codesByMeaning: Record<Meaning, string[]> = {
  key_taken: ['PreconditionFailed'],
  // `NotFound`: a HEAD's answer has no body that could say more.
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
    // The key that the bucket encrypts with: its owner can give it back.
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
  // Our own word.
  not_s3: ['NotS3'],
  // The last five: what was sent did not arrive as it was, or met another call; it may well go next time.
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

  // An object that is archived is one object's state, for all that its status says 403.
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

// A map, not an object: of that, any name of its prototype would be a code.
const meaningOfCode = new Map(
  // The keys are the record's own.
  (Object.entries(codesByMeaning) as [Meaning, string[]][]).flatMap(([meaning, codes]) =>
    codes.map((code) => [code, meaning] as const),
  ),
)

// 409: it met another call, also where a store has a word of its own for that.
const meaningOf4xx = new Map<number, Meaning>([
  [401, 'not_allowed'],
  [403, 'not_allowed'],
  [408, 'no_answer'],
  [409, 'broken'],
  [429, 'too_busy'],
])

/** Sorts what the SDK threw by its code, else by status. `hasBody`: the answer's body says more, as for all but a HEAD. */
export function s3FailureOf(error: unknown, { hasBody = false } = {}): S3Failure {
  const shape = shapeOf(error)
  const { code, $metadata } = shape
  const status = $metadata?.httpStatusCode
  const s3Code = isOfAnotherServer(shape, hasBody) ? 'NotS3' : codeOfAnswer(shape)
  const meaning = meaningOfCode.get(s3Code) ?? (isOurs(code) ? 'misused' : meaningOfStatus(status))
  return {
    ...codeOf(meaning),
    s3Code: networkCode(s3Code, code),
    status,
    requestId: $metadata?.requestId,
    attempts: $metadata?.attempts ?? 1,
  }
}

/** Whether the store has no such call at all. */
export function isUnknownCall(error: unknown): boolean {
  const { s3Code, status } = s3FailureOf(error)
  return ['NotImplemented', 'MethodNotAllowed'].includes(s3Code) || status === 405 || status === 501
}

function codeOfAnswer({ name, code }: ErrorShape): string {
  return name ?? code ?? 'Unknown'
}

/** What any web server says of an address that it does not know. All else that has no code may come from before an S3, as a proxy's word on a file that is too large. */
const statusesOfAnyServer = new Set([301, 302, 303, 307, 308, 404, 410])
/** And of a method. Of S3 these would mean that it lacks something. */
const statusesOfMethods = new Set([405, 501])

/** `Error`: the SDK found no XML. `NotFound` without a code beside it, and `Unknown`: its own words where it found XML, or nothing, and no code in it. */
function isOfAnotherServer({ name, Code, $metadata }: ErrorShape, hasBody: boolean): boolean {
  const status = $metadata?.httpStatusCode ?? 0
  if (name === 'Error') return statusesOfAnyServer.has(status) || statusesOfMethods.has(status)
  return hasBody && Code === undefined && (name === 'NotFound' || name === 'Unknown') && statusesOfAnyServer.has(status)
}

/** The store's code for a meaning: every trouble is `unavailable`. */
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

// Node refuses to send what can be in no request, before anything is sent.
function isOurs(code: string | undefined): boolean {
  return code?.startsWith('ERR_INVALID_') ?? false
}

// "TimeoutError" is the SDK's word for half a dozen failures of the network; Node's own code says which.
function networkCode(s3Code: string, code: string | undefined): string {
  return (s3Code === 'TimeoutError' || s3Code === 'Error') && code !== undefined ? code : s3Code
}

type ErrorShape = {
  name?: string
  /** As the answer's XML has it. */
  Code?: unknown
  code?: string
  $metadata?: { httpStatusCode?: number; requestId?: string; attempts?: number }
}

function shapeOf(error: unknown): ErrorShape {
  // Every field is optional and only read: what the SDK throws has this shape, and anything else has none of it.
  return error instanceof Error ? error : {}
}
