import type { S3Diagnosis } from '../../storage/s3/diagnosis/diagnose-s3.ts'

/** `message` has no full stop at its end. `advice` is whole sentences. */
export type Explanation = { message: string; advice: string }

type Explain = (facts: S3Diagnosis) => Explanation

/** Says why a call to S3 failed, and what to do. */
export function explainS3Failure(facts: S3Diagnosis): Explanation {
  return explainerOf(facts)(facts)
}

function explainerOf({ s3Code, status, isNotS3 }: S3Diagnosis): Explain {
  const known = byCode.get(s3Code)
  if (known !== undefined) return known
  if (status === 301 || status === 307) return otherRegion
  return isNotS3 ? notS3 : unknownCode
}

/** A store's address for people. */
export function describeEndpoint({ endpoint, region }: { endpoint: string | undefined; region: string }): string {
  return endpoint ?? `Amazon S3 in ${region}`
}

/** For the case that neither the settings nor the SDK's chain provide credentials. */
export const noCredentials: Explanation = {
  message: 'AWS credentials not found',
  advice: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env, or AWS_PROFILE, or give the machine a role.',
}

export const clockAdvice = 'Set this machine’s clock and synchronize it, for example: timedatectl set-ntp true'

/** `1 min 5 s behind S3`. */
export function describeClock(aheadMs: number): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const time = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`)
  return `${time.join(' ') || '0 s'} ${aheadMs < 0 ? 'behind' : 'ahead of'} S3`
}

const fixed = (message: string, advice: string) => () => ({ message, advice })

const networkAdvice = 'Check the internet connection of this machine, and any proxy or firewall.'

const unreachable: Explain = (facts) => ({
  message: `Nothing answers at ${describeEndpoint(facts)} (${facts.s3Code})`,
  advice:
    facts.endpoint === undefined
      ? networkAdvice
      : 'Check that the store is running and that AWS_ENDPOINT_URL_S3 is correct.',
})

const unknownHost: Explain = (facts) => ({
  message: `The host name of ${describeEndpoint(facts)} cannot be resolved (${facts.s3Code})`,
  advice:
    facts.endpoint === undefined
      ? `Check that AWS_REGION_NAME=${facts.region} is correct. ${networkAdvice}`
      : 'Check the spelling of AWS_ENDPOINT_URL_S3 and this machine’s DNS.',
})

const withoutTls = fixed(
  'The TLS connection failed',
  'Check whether the address begins with https:// but the store speaks http://. For a private certificate authority, set NODE_EXTRA_CA_CERTS=FILE.',
)

const notS3: Explain = (facts) => ({
  message: `The server at ${describeEndpoint(facts)} is not S3 (status ${facts.status})`,
  advice: 'Check that AWS_ENDPOINT_URL_S3 is the address of the store, without a path.',
})

const otherRegion: Explain = ({ region, bucketRegion }) => ({
  message: `The bucket is ${bucketRegion === undefined ? 'in another region' : `in the region ${bucketRegion}`}, not in ${region}`,
  advice:
    bucketRegion === undefined
      ? 'Set AWS_REGION_NAME to the region that the bucket is in.'
      : `Set AWS_REGION_NAME=${bucketRegion}`,
})

const denied: Explain = ({ right, bucket }) => ({
  message: `These credentials do not allow ${right}`,
  advice: `Allow ${right} on arn:aws:s3:::${bucket}${/Bucket|Configuration$/.test(right) ? '' : '/*'}, and check that the bucket policy does not deny it.`,
})

const unknownCode: Explain = ({ right, s3Code, status, line }) => ({
  message: `${right} failed: S3 answers ${s3Code}${status === undefined ? '' : ` (${status})`}`,
  advice: `S3 reports ${s3Code}${line === undefined ? '' : `: ${line}`}. ${status !== undefined && status >= 500 ? 'Try again in a minute.' : 'See the store’s documentation for this code.'}`,
})

const explanations: [codes: string[], explain: Explain][] = [
  [['NoSuchBucket'], fixed('Bucket does not exist', 'Create it, or set AWS_S3_BUCKET to one that exists.')],
  [['AccessDenied'], denied],
  [['CredentialsProviderError', 'TokenProviderError'], () => noCredentials],
  [
    ['InvalidAccessKeyId'],
    fixed(
      'S3 does not know the access key',
      'Check AWS_ACCESS_KEY_ID: is it complete, and does it belong to this store?',
    ),
  ],
  [
    ['SignatureDoesNotMatch'],
    fixed(
      'The secret key does not match the access key',
      'Check AWS_SECRET_ACCESS_KEY: is it complete, and does it belong to this AWS_ACCESS_KEY_ID?',
    ),
  ],
  [
    ['InvalidToken'],
    fixed(
      'The session token is not valid',
      'Only temporary credentials have a session token: set the AWS_SESSION_TOKEN that belongs to them, or remove it.',
    ),
  ],
  [
    ['ExpiredToken'],
    fixed('The credentials have expired', 'Get new ones, or use a role or a profile, which renew automatically.'),
  ],
  [
    ['RequestTimeTooSkewed'],
    ({ clockAheadMs }) => ({
      message: `S3 rejects requests because the clock is wrong: ${clockAheadMs === undefined ? 'by more than S3 accepts' : describeClock(clockAheadMs)}`,
      advice: clockAdvice,
    }),
  ],
  [['NotS3'], notS3],
  [
    ['PermanentRedirect', 'TemporaryRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'],
    otherRegion,
  ],
  [
    ['InvalidLocationConstraint'],
    ({ region }) => ({
      message: `The store does not know the region ${region}`,
      advice: 'Set AWS_REGION_NAME to the region that is configured in the store.',
    }),
  ],
  [['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'TimeoutError'], unreachable],
  [['ENOTFOUND', 'EAI_AGAIN'], unknownHost],
  [
    [
      'EPROTO',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'CERT_HAS_EXPIRED',
    ],
    withoutTls,
  ],
]

const byCode = new Map(explanations.flatMap(([codes, explain]) => codes.map((code) => [code, explain] as const)))
