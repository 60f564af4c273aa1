import type { ConfigWithoutTokens } from '../../config/load-config.ts'
import { corsRule } from '../../storage/bucket-setup/bucket-rules.ts'
import type {
  FindingFacts,
  FindingKind,
  Safeguard,
  StepName,
  StepResult,
} from '../../storage/connection-test/connection-step.ts'
import type { CredentialsFound } from '../../storage/s3/diagnosis/find-credentials.ts'
import { isAmazon } from '../../storage/s3/requests/retrying-s3-client.ts'
import { testKey } from '../../storage/storage-key.ts'
import { clockAdvice, describeClock, explainS3Failure, noCredentials } from '../printing/explain-s3-failure.ts'

type About = {
  config: Pick<ConfigWithoutTokens, 's3' | 'corsOrigins'>
  /** The source of the credentials in the settings, such as `.env`. */
  credentialsPlace: string
}

type Description = { message: string; advice?: string }

/** The result of a step as a sentence, and what to do. */
export function describeStep(result: StepResult, about: About): Description {
  return describe(result.kind, result, { ...about, title: titles[result.step] })
}

type Described = About & { title: string }

function describe<Kind extends FindingKind>(kind: Kind, facts: FindingFacts[Kind], about: Described): Description {
  return descriptions[kind](facts, about)
}

const titles: Record<StepName, string> = {
  credentials: 'Credentials',
  bucket: 'Bucket',
  clock: 'Clock agrees with the clock of S3',
  list: 'List (s3:ListBucket)',
  put: `Put ${testKey} (s3:PutObject)`,
  get: 'Get it back, unchanged (s3:GetObject)',
  presigned_get: 'Presigned link works without credentials',
  delete: 'Delete it (s3:DeleteObject)',
  abort_multipart: 'Abort an upload in parts (s3:AbortMultipartUpload)',
  safeguards: 'Safeguards of the bucket',
  cors: 'CORS',
}

const descriptions: { [Kind in FindingKind]: (facts: FindingFacts[Kind], about: Described) => Description } = {
  as_expected: (_, { title }) => ({ message: title }),
  not_tested: (_, { title }) => ({ message: `${title}: not tested` }),
  failure: ({ failure }) => explainS3Failure(failure),
  credentials: ({ credentials }, { credentialsPlace }) => describeCredentials(credentials, credentialsPlace),
  bucket_exists: (_, { config: { s3 } }) => ({ message: `Bucket ${s3.bucket} exists` }),
  bucket_created: (_, { config: { s3 } }) => ({
    message: `Bucket ${s3.bucket} did not exist and was created in ${s3.region}`,
  }),
  bucket_not_listed: (_, { config: { s3 } }) => ({
    message: `Bucket ${s3.bucket} cannot be listed with these credentials, if it exists`,
  }),
  bucket_not_created({ failure }, { config: { s3 } }) {
    const { message, advice } = explainS3Failure(failure)
    return {
      message: 'Bucket does not exist',
      advice: `${s3.bucket} could not be created: ${message}. ${advice} Or create it in ${s3.region} yourself, or set AWS_S3_BUCKET to one that exists.`,
    }
  },
  clock_unknown: () => ({ message: 'Clock: not compared, because no S3 answered' }),
  clock_wrong: ({ aheadMs }) => ({ message: `This machine’s clock is ${describeClock(aheadMs)}`, advice: clockAdvice }),
  other_content: () => ({
    message: 'The object came back with another content',
    advice: 'Check whether a proxy between this machine and the store changes or caches content.',
  }),
  link_not_signed: ({ reason }) => ({
    message: 'Failed to generate presigned URL',
    advice: `${reason} Use credentials that are valid for at least an hour or renew automatically.`,
  }),
  link_unreachable: ({ s3Code }, { config: { s3 } }) => ({
    message: `The presigned link cannot be reached from this machine (${s3Code})`,
    advice:
      s3.publicEndpoint === s3.endpoint
        ? 'Check whether a proxy or firewall closes connections to the store.'
        : `Links begin with ${s3.publicEndpoint}. Check from a user’s computer that S3_PUBLIC_ENDPOINT_URL reaches the store.`,
  }),
  link_rejected: ({ status, s3Code }, { config: { s3 } }) => ({
    message: `The presigned link does not return the file: ${status}${s3Code === undefined ? '' : ` ${s3Code}`}`,
    advice:
      s3Code === 'AccessDenied'
        ? 'Allow s3:GetObject for these credentials. A wrong clock or a bucket policy that denies links has the same effect.'
        : s3.publicEndpoint === s3.endpoint
          ? 'Check whether a proxy between this machine and the store changes the path, query or Host header.'
          : `Check that ${s3.publicEndpoint} (S3_PUBLIC_ENDPOINT_URL) leads to this store and that path, query and Host header stay unchanged.`,
  }),
  safeguards: describeSafeguards,
  cors_not_needed: () => ({ message: 'CORS: not needed, because CORS_ORIGINS names no other origin' }),
  cors_unreadable: (_, { config }) => ({
    message: 'CORS: the rules of the bucket are not readable with these credentials',
    advice: adviseOnCors(config),
  }),
  cors_allowed: (_, { config }) => ({
    message: `CORS: pages of ${config.corsOrigins.join(', ')} may read from the bucket`,
  }),
  cors_denied: ({ origins }, { config }) => ({
    message: `CORS: pages of ${origins.join(', ')} may not read from the bucket`,
    advice: adviseOnCors(config),
  }),
}

/** The source of credentials by the marks that the SDK sets on them. The first match counts. */
const sources: [mark: string, name: string][] = [
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a web identity'],
  ['CREDENTIALS_PROFILE_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO_LEGACY', 'single sign-on'],
  ['CREDENTIALS_LOGIN', 'aws login'],
  ['CREDENTIALS_STS_ASSUME_ROLE', 'an assumed role'],
  ['CREDENTIALS_PROFILE', 'a profile'],
  ['CREDENTIALS_PROFILE_PROCESS', 'a profile’s credential_process'],
  ['CREDENTIALS_PROCESS', 'a profile’s credential_process'],
  ['CREDENTIALS_HTTP', 'the container’s role'],
  ['CREDENTIALS_IMDS', 'the machine’s role'],
  ['CREDENTIALS_ENV_VARS', 'the environment'],
]

/** `settings`: the source of the settings, such as `.env`. */
export function describeCredentials(found: CredentialsFound, settings: string): Description {
  if (!found.isFound) {
    const reason = found.reason === undefined ? '' : ` The SDK reports: ${found.reason}`
    return { message: noCredentials.message, advice: `${noCredentials.advice}${reason}` }
  }
  const name = sources.find(([mark]) => found.marks.includes(mark))?.[1] ?? 'the SDK’s default chain'
  return { message: `Credentials found: ${found.isConfigured ? `AWS_ACCESS_KEY_ID in ${settings}` : name}` }
}

/** Each safeguard as a property of the bucket, and what the bucket lacks without it. */
const safeguards: Record<Safeguard, [present: string, missing: string]> = {
  versioning: ['versioned', 'it is not versioned'],
  public_access: ['closed to the public', 'it is not closed to the public'],
  encryption: ['encrypted by default', 'it has no default encryption'],
  tls_only: ['reachable by TLS only', 'its policy allows requests without TLS'],
  no_old_signatures: ['closed to old signatures', 'its policy allows signatures of any age'],
  unfinished_uploads: ['cleaned of unfinished uploads', 'no rule deletes unfinished uploads'],
}

const dryRun = './bin/paniq-docs s3 setup --dry-run with an operator’s credentials'

function describeSafeguards(facts: FindingFacts['safeguards'], { config }: Described): Description {
  const present = facts.present.map((each) => safeguards[each][0])
  const missing = facts.missing.map((each) => safeguards[each][1])
  const unreadable = facts.unreadable.map((each) => safeguards[each][0])
  if (present.length + missing.length === 0)
    return {
      message: 'Safeguards of the bucket: not readable with these credentials',
      advice: `The service does not need to read them. To check them, run ${dryRun}.`,
    }
  const rest = unreadable.length === 0 ? '' : `; not readable: whether it is ${unreadable.join(', ')}`
  if (missing.length === 0) return { message: `The bucket is ${present.join(', ')}${rest}` }
  const others = isAmazon(config.s3) ? '' : ' Settings that this store does not support may stay as they are.'
  return {
    message: `Safeguards of the bucket: ${missing.join('; ')}${rest}`,
    advice: `Run ${dryRun} to see what it would set.${others}`,
  }
}

function adviseOnCors({ s3, corsOrigins }: About['config']): string {
  const rules = JSON.stringify({ CORSRules: [corsRule(corsOrigins)] })
  return `Run ./bin/paniq-docs s3 setup with an operator’s credentials, or: aws s3api put-bucket-cors --bucket ${s3.bucket} --cors-configuration '${rules}'`
}
