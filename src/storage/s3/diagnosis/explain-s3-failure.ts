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

/** What the SDK makes of an answer: its code is the name, and the fields of its XML stand beside it. */
type Failed = { message: string; Region?: unknown; Endpoint?: unknown; status: number | undefined; s3Code: string }

const fixed = (message: string, advice: string) => () => ({ message, advice })
const unreachable: Explain = ({ config }, { s3Code }) => ({
  message: `Nothing answers at ${describeEndpoint(config)} (${s3Code})`,
  advice: config.endpoint === undefined ? networkAdvice : `Is the store running, and is AWS_ENDPOINT_URL_S3 right?`,
})
const unknownHost: Explain = ({ config }, { s3Code }) => ({
  message: `The host name of ${describeEndpoint(config)} is not known (${s3Code})`,
  advice:
    config.endpoint === undefined
      ? `Is AWS_REGION_NAME=${config.region} right? ${networkAdvice}`
      : 'Is AWS_ENDPOINT_URL_S3 spelt right? Does this machine’s name service work?',
})
const notEncrypted = fixed(
  'The encrypted connection could not be made',
  'Does the address begin https:// where the store speaks http://? A certificate of one’s own is made known with NODE_EXTRA_CA_CERTS=FILE.',
)
const networkAdvice = 'Does this machine reach the internet? Is a proxy or a firewall in between?'

const byCode = new Map<string, Explain>(
  Object.entries({
    NoSuchBucket: fixed('Bucket does not exist', 'Make it, or set AWS_S3_BUCKET to one that exists.'),
    AccessDenied: ({ config, right }) => ({
      message: `${right} is not allowed to these credentials`,
      advice: `Allow ${right} on ${resourceOf(config, right)}, and see that the bucket’s own policy denies nothing.`,
    }),

    CredentialsProviderError: () => noCredentials,
    TokenProviderError: () => noCredentials,
    InvalidAccessKeyId: fixed(
      'The access key is not known to S3',
      'Check AWS_ACCESS_KEY_ID: is it whole, and of this store?',
    ),
    SignatureDoesNotMatch: fixed(
      'The secret does not belong to the access key',
      'Check AWS_SECRET_ACCESS_KEY: is it whole, and the one that was made with this AWS_ACCESS_KEY_ID?',
    ),
    InvalidToken: fixed(
      'The session token is not valid',
      'Only temporary credentials have one: set the AWS_SESSION_TOKEN that came with them, or none.',
    ),
    ExpiredToken: fixed('The credentials have expired', 'Get new ones; a role or a profile is renewed by itself.'),
    RequestTimeTooSkewed: ({ seen }) => ({
      message: `S3 refuses because the clock is off: ${seen.clockAheadMs === undefined ? 'by more than it accepts' : describeClock(seen.clockAheadMs)}`,
      advice: clockAdvice,
    }),

    NotS3: ({ config }, { status }) => ({
      message: `What answers at ${describeEndpoint(config)} is not S3 (status ${status})`,
      advice: 'Is AWS_ENDPOINT_URL_S3 the store’s own address, without a path?',
    }),

    PermanentRedirect: explainRegion,
    TemporaryRedirect: explainRegion,
    AuthorizationHeaderMalformed: explainRegion,
    IllegalLocationConstraintException: explainRegion,
    InvalidLocationConstraint: ({ config }) => ({
      message: `The store knows no region ${config.region}`,
      advice: 'Set AWS_REGION_NAME to the region that the store was set up with.',
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
  // Every field is optional and only read: an error that is not of S3 has none of them.
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
        message: `What answers at ${describeEndpoint(about.config)} is not S3 (status ${status})`,
        advice: 'Is AWS_ENDPOINT_URL_S3 the store’s own address, without a path?',
      }
    const [line = ''] = message.split('\n')
    const said = line === '' || line === 'UnknownError' ? '' : `, and says: ${line}`
    return {
      message: `${about.right} failed: S3 answers ${s3Code}${status === undefined ? '' : ` (${status})`}`,
      advice: `S3 calls it ${s3Code}${said}. ${status !== undefined && status >= 500 ? 'Try again in a minute.' : 'Look this code up in the store’s documentation.'}`,
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

// Amazon says it in one of three ways: a field of its own, the address to ask instead, or a header.
function regionIn({ Region: region, Endpoint: endpoint }: Failed): string | undefined {
  if (typeof region === 'string' && /^[a-z0-9-]+$/.test(region)) return region
  return typeof endpoint === 'string' ? /[.-]s3[.-]([a-z0-9-]+)\.amazonaws\.com/.exec(endpoint)?.[1] : undefined
}

function resourceOf({ bucket }: S3Config, right: string): string {
  const isOfBucket = /Bucket|Configuration$/.test(right)
  return `arn:aws:s3:::${bucket}${isOfBucket ? '' : '/*'}`
}
