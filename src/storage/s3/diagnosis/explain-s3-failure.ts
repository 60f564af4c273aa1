import type { S3Config } from '../../../config/config.ts'
import { s3FailureOf } from '../requests/s3-errors.ts'
import { noCredentials } from './find-credentials.ts'
import { clockAdvice, describeClock, type ResponseFacts } from './connection-step.ts'

export type Explanation = { message: string; advice: string }

type About = {
  config: S3Config
  seen: ResponseFacts
  /** The right that the call needs, such as `s3:PutObject`. */
  right: string
}

type Explain = (about: About, error: Failed) => Explanation

/** An error of the SDK. The fields of the answer's XML are properties of the error. */
type Failed = { message: string; Region?: unknown; Endpoint?: unknown; status: number | undefined; s3Code: string }

const fixed = (message: string, advice: string) => () => ({ message, advice })
const unreachable: Explain = ({ config }, { s3Code }) => ({
  message: `Nothing answers at ${describeEndpoint(config)} (${s3Code})`,
  advice:
    config.endpoint === undefined
      ? networkAdvice
      : `Check that the store is running and that AWS_ENDPOINT_URL_S3 is correct.`,
})
const unknownHost: Explain = ({ config }, { s3Code }) => ({
  message: `The host name of ${describeEndpoint(config)} cannot be resolved (${s3Code})`,
  advice:
    config.endpoint === undefined
      ? `Check that AWS_REGION_NAME=${config.region} is correct. ${networkAdvice}`
      : 'Check the spelling of AWS_ENDPOINT_URL_S3 and this machine’s DNS.',
})
const notEncrypted = fixed(
  'The TLS connection failed',
  'Check whether the address begins with https:// but the store speaks http://. For a private certificate authority, set NODE_EXTRA_CA_CERTS=FILE.',
)
const networkAdvice = 'Check the internet connection of this machine, and any proxy or firewall.'

const byCode = new Map<string, Explain>(
  Object.entries({
    NoSuchBucket: fixed('Bucket does not exist', 'Create it, or set AWS_S3_BUCKET to one that exists.'),
    AccessDenied: ({ config, right }) => ({
      message: `These credentials do not allow ${right}`,
      advice: `Allow ${right} on ${resourceOf(config, right)}, and check that the bucket policy does not deny it.`,
    }),

    CredentialsProviderError: () => noCredentials,
    TokenProviderError: () => noCredentials,
    InvalidAccessKeyId: fixed(
      'S3 does not know the access key',
      'Check AWS_ACCESS_KEY_ID: is it complete, and does it belong to this store?',
    ),
    SignatureDoesNotMatch: fixed(
      'The secret key does not match the access key',
      'Check AWS_SECRET_ACCESS_KEY: is it complete, and does it belong to this AWS_ACCESS_KEY_ID?',
    ),
    InvalidToken: fixed(
      'The session token is not valid',
      'Only temporary credentials have a session token: set the AWS_SESSION_TOKEN that belongs to them, or remove it.',
    ),
    ExpiredToken: fixed(
      'The credentials have expired',
      'Get new ones, or use a role or a profile, which renew automatically.',
    ),
    RequestTimeTooSkewed: ({ seen }) => ({
      message: `S3 rejects requests because the clock is wrong: ${seen.clockAheadMs === undefined ? 'by more than S3 accepts' : describeClock(seen.clockAheadMs)}`,
      advice: clockAdvice,
    }),

    NotS3: ({ config }, { status }) => ({
      message: `The server at ${describeEndpoint(config)} is not S3 (status ${status})`,
      advice: 'Check that AWS_ENDPOINT_URL_S3 is the address of the store, without a path.',
    }),

    PermanentRedirect: explainRegion,
    TemporaryRedirect: explainRegion,
    AuthorizationHeaderMalformed: explainRegion,
    IllegalLocationConstraintException: explainRegion,
    InvalidLocationConstraint: ({ config }) => ({
      message: `The store does not know the region ${config.region}`,
      advice: 'Set AWS_REGION_NAME to the region that is configured in the store.',
    }),

    ECONNREFUSED: unreachable,
    ECONNRESET: unreachable,
    ETIMEDOUT: unreachable,
    EHOSTUNREACH: unreachable,
    ENETUNREACH: unreachable,
    TimeoutError: unreachable,
    ENOTFOUND: unknownHost,
    EAI_AGAIN: unknownHost,
    EPROTO: notEncrypted,
    DEPTH_ZERO_SELF_SIGNED_CERT: notEncrypted,
    SELF_SIGNED_CERT_IN_CHAIN: notEncrypted,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: notEncrypted,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: notEncrypted,
    ERR_TLS_CERT_ALTNAME_INVALID: notEncrypted,
    CERT_HAS_EXPIRED: notEncrypted,
  }),
)

export function explainS3Failure(error: unknown, about: About): Explanation {
  const failed = failedOf(error)
  return (byCode.get(failed.s3Code) ?? byStatus(failed.status))(about, failed)
}

/** Whether what answered is no S3. */
export function isNotS3(error: unknown): boolean {
  const { s3Code, message } = failedOf(error)
  return s3Code === 'NotS3' || (!byCode.has(s3Code) && noXml.test(message))
}

const noXml = /XML parse error/

function failedOf(error: unknown): Failed {
  const { s3Code, status } = s3FailureOf(error, { hasBody: true })
  // All fields are optional and only read, so any error fits.
  const { message = '', Region, Endpoint }: Partial<Failed> = error instanceof Error ? error : {}
  return { message, Region, Endpoint, s3Code, status }
}

export function describeEndpoint({ endpoint, region }: S3Config): string {
  return endpoint ?? `Amazon S3 in ${region}`
}

function byStatus(status: number | undefined): Explain {
  if (status === 301 || status === 307) return explainRegion
  return (about, { message, s3Code }) => {
    if (noXml.test(message))
      return {
        message: `The server at ${describeEndpoint(about.config)} is not S3 (status ${status})`,
        advice: 'Check that AWS_ENDPOINT_URL_S3 is the address of the store, without a path.',
      }
    const [line = ''] = message.split('\n')
    const said = line === '' || line === 'UnknownError' ? '' : `: ${line}`
    return {
      message: `${about.right} failed: S3 answers ${s3Code}${status === undefined ? '' : ` (${status})`}`,
      advice: `S3 reports ${s3Code}${said}. ${status !== undefined && status >= 500 ? 'Try again in a minute.' : 'See the store’s documentation for this code.'}`,
    }
  }
}

function explainRegion({ config, seen }: About, failed: Failed): Explanation {
  const region = regionIn(failed) ?? seen.bucketRegion
  return {
    message: `The bucket is ${region === undefined ? 'in another region' : `in the region ${region}`}, not in ${config.region}`,
    advice:
      region === undefined
        ? 'Set AWS_REGION_NAME to the region that the bucket is in.'
        : `Set AWS_REGION_NAME=${region}`,
  }
}

// Amazon names the region in a field, in the endpoint to use instead, or in a header.
function regionIn({ Region: region, Endpoint: endpoint }: Failed): string | undefined {
  if (typeof region === 'string' && /^[a-z0-9-]+$/.test(region)) return region
  return typeof endpoint === 'string' ? /[.-]s3[.-]([a-z0-9-]+)\.amazonaws\.com/.exec(endpoint)?.[1] : undefined
}

function resourceOf({ bucket }: S3Config, right: string): string {
  const isBucketRight = /Bucket|Configuration$/.test(right)
  return `arn:aws:s3:::${bucket}${isBucketRight ? '' : '/*'}`
}
