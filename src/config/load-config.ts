import { resolve } from 'node:path'

import type { z } from 'zod'

import { cloudFrontConfig } from './cloudfront.ts'
import { ConfigError } from '../errors/app-error.ts'
import { readDefaultQuota, readRates } from './rate-limits-and-quotas.ts'
import { mailConfig } from './mail.ts'
import { type PathOrBucket, type Setting, allOrNone } from './setting-formats.ts'
import { findSetting, settings } from './settings.ts'
import { signInConfig } from './sign-in.ts'
import { readTraces } from './traces.ts'

type Environment = Record<string, string | undefined>

type Settings = typeof settings
type Values = {
  [Name in keyof Settings]:
    | z.output<Settings[Name]['schema']>
    | (Settings[Name] extends { default: string } ? never : undefined)
}

export type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

export type DatabaseConfig =
  | { kind: 'embedded' }
  /** `directUrl` is `url` itself unless a transaction pooler answers at `url`. */
  | { kind: 'external'; url: string; ownerUrl: string | undefined; directUrl: string }

/** For commands that neither issue nor accept tokens. The app needs the whole `Config`. */
export type ConfigWithoutTokens = ReturnType<typeof loadConfigWithoutTokens>
/** `jwtSecret` is undefined if the service generates and stores one. */
export type Config = ConfigWithoutTokens & { jwtSecret: string | undefined; previousJwtSecret: string | undefined }
export type S3Config = Config['s3']
export type OpenIdConfig = NonNullable<Config['openId']>
export type MailConfig = NonNullable<Config['mail']>
export type ClamdAddress = NonNullable<Config['clamd']>

/** Reads the settings from an environment. Throws a `ConfigError` of one line that names every wrong value. */
export function loadConfig(environment: Environment): Config {
  const values = readSettings(environment)
  return {
    ...withoutTokens(values, environment),
    jwtSecret: jwtSecret(values),
    previousJwtSecret: previousJwtSecret(values),
  }
}

/** Does not need the key of tokens, a secret that not every machine should have. */
export function loadConfigWithoutTokens(environment: Environment) {
  return withoutTokens(readSettings(environment), environment)
}

function readSettings(environment: Environment): Values {
  return readValues(environment)
}

function withoutTokens(values: Values, environment: Environment) {
  return {
    useS3: values.USE_S3_STORAGE,
    s3: s3Config(values),
    fallback: values.S3_FALLBACK,
    uploadsDir: resolve(values.UPLOADS_DIR),
    dataDir: resolve(values.DATA_DIR),
    database: databaseConfig(values),
    host: values.HOST,
    port: values.PORT,
    publicUrl: publicUrl(values),
    /** Undefined: no mail is sent. */
    mail: mailConfig(values, publicUrl(values)),
    trustProxy: values.TRUST_PROXY ?? [],
    corsOrigins: values.CORS_ORIGINS ?? [],
    openId: openIdConfig(values),
    admin: adminConfig(values),
    ...signInConfig(values, publicUrl(values)),
    maxUploadBytes: values.MAX_UPLOAD_BYTES,
    downloadUrlSeconds: values.DOWNLOAD_URL_SECONDS,
    webhookAllowPrivate: values.WEBHOOK_ALLOW_PRIVATE === 'on',
    rates: readRates(values),
    defaultQuota: readDefaultQuota(values),
    /** Undefined: no limit. */
    firmsPerPerson: values.FIRMS_PER_PERSON,
    trashDays: values.TRASH_DAYS,
    /** Undefined: files are not scanned. */
    clamd: values.CLAMD_URL,
    /** Undefined: heads are not stored. */
    auditHeads: auditHeads(values),
    /** Undefined: addresses and user agents of events stay. */
    auditPersonalMonths: values.AUDIT_PERSONAL_MONTHS,
    /** Undefined: only loopback reads the metrics. */
    metricsToken: values.METRICS_TOKEN,
    logLevel: values.LOG_LEVEL,
    /** Undefined: tracing is off. */
    traces: readTraces(environment),
  }
}

function readValues(environment: Environment): Values {
  const faults: string[] = []
  const entries = Object.entries<Setting>(settings).map(([name, setting]) => {
    const text = findSetting(environment, name) ?? setting.default
    if (text === undefined) return [name, undefined]
    const parsed = setting.schema.safeParse(text)
    if (parsed.success) return [name, parsed.data]
    faults.push(`${name}: ${shownValue(setting, text)} ${parsed.error.issues[0]?.message ?? 'is not valid'}.`)
    return [name, undefined]
  })
  if (faults.length > 0) throw new ConfigError(faults.join(' '))
  // Each entry passed the schema of its name, which Object.fromEntries cannot express.
  return Object.fromEntries(entries) as Values
}

// An address may contain a password, also in a setting that should have none.
function shownValue(setting: Setting, text: string): string {
  return setting.secret || /:\/\/.*@/.test(text) ? 'its value' : JSON.stringify(text)
}

function s3Config(values: Values) {
  const endpoint = values.AWS_ENDPOINT_URL_S3
  return {
    bucket: values.AWS_S3_BUCKET,
    region: values.AWS_REGION_NAME,
    endpoint,
    publicEndpoint: values.S3_PUBLIC_ENDPOINT_URL ?? endpoint,
    forcePathStyle: values.S3_FORCE_PATH_STYLE ?? endpoint !== undefined,
    /** Undefined: the SDK uses its default chain. */
    credentials: credentials(values),
    /** Undefined: links are presigned for S3 itself. */
    cloudFront: cloudFrontConfig(values),
  }
}

function credentials(values: Values): Credentials | undefined {
  const given = allOrNone(values, 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')
  if (given === undefined) return undefined
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = given
  const sessionToken = values.AWS_SESSION_TOKEN
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
}

function databaseConfig(values: Values): DatabaseConfig {
  const { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl, DATABASE_DIRECT_URL: directUrl } = values
  if (url !== undefined) return { kind: 'external', url, ownerUrl, directUrl: directUrl ?? url }
  const set = (['DATABASE_OWNER_URL', 'DATABASE_DIRECT_URL'] as const).find((name) => values[name] !== undefined)
  if (set !== undefined) throw new ConfigError(`${set} is set, but DATABASE_URL is not. Set both or neither.`)
  return { kind: 'embedded' }
}

function jwtSecret(values: Values): string | undefined {
  const isNeeded = values.DATABASE_URL !== undefined && values.JWT_JWKS_URL === undefined
  if (values.JWT_SECRET_KEY === undefined && isNeeded)
    throw new ConfigError(
      'JWT_SECRET_KEY is not set. With DATABASE_URL, set it to the key that the platform signs its tokens with (at least 32 characters), or set JWT_JWKS_URL to an OpenID provider.',
    )
  return values.JWT_SECRET_KEY
}

function previousJwtSecret(values: Values): string | undefined {
  const { JWT_SECRET_KEY: current, JWT_SECRET_KEY_PREVIOUS: previous } = values
  if (previous !== undefined && current === undefined)
    throw new ConfigError('JWT_SECRET_KEY_PREVIOUS is set, but JWT_SECRET_KEY is not. Set both or neither.')
  return previous
}

/** The provider whose tokens are accepted. The audience is required, so that a token for another service is rejected. */
function openIdConfig(values: Values) {
  const given = allOrNone(values, 'JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE')
  return given && { jwksUrl: given.JWT_JWKS_URL, issuer: given.JWT_ISSUER, audience: given.JWT_AUDIENCE }
}

function publicUrl({ PUBLIC_URL: url }: Values): string | undefined {
  return url?.replace(/\/+$/, '')
}

function auditHeads({ AUDIT_HEADS: heads, AWS_S3_BUCKET: documents }: Values): PathOrBucket | undefined {
  if (heads !== undefined && 'bucket' in heads && heads.bucket === documents)
    throw new ConfigError(
      `AUDIT_HEADS: ${documents} is the bucket of the documents (AWS_S3_BUCKET): anybody with the service’s key could remove the heads. Name another bucket, or a file.`,
    )
  return heads
}

function adminConfig(values: Values) {
  const given = allOrNone(values, 'ADMIN_EMAIL', 'ADMIN_PASSWORD')
  return given && { email: given.ADMIN_EMAIL, password: given.ADMIN_PASSWORD }
}
