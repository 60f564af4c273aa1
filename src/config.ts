import { resolve } from 'node:path'

import { z } from 'zod'

type Environment = Record<string, string | undefined>

/** One line for the person who starts the service: the variable, what is wrong, what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const flag = z.enum(['true', 'false'], 'must be true or false').transform((word) => word === 'true')
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `must be a URL that begins ${protocols.map((each) => `${each}//`).join(' or ')}`,
    )
const whole = (least: number, most: number) =>
  z.coerce
    .number(`must be a whole number`)
    .int('must be a whole number')
    .min(least, `must be ${least} to ${most}`)
    .max(most, `must be ${least} to ${most}`)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== ''),
)

type Setting = { schema: z.ZodType; default?: string; secret?: true; doc: string }

/** Every setting, its form, its default and its meaning. docs/configuration.md is held against this by a test. */
export const settings = {
  AWS_ACCESS_KEY_ID: {
    schema: z.string(),
    secret: true,
    doc: 'Access key. Without it the default chain of the AWS SDK is asked: profile, container or instance role, web identity.',
  },
  AWS_SECRET_ACCESS_KEY: { schema: z.string(), secret: true, doc: 'Secret of the access key.' },
  AWS_SESSION_TOKEN: { schema: z.string(), secret: true, doc: 'Session token of temporary credentials.' },
  AWS_REGION_NAME: {
    schema: z.string().regex(/^[a-z0-9-]+$/, 'must be a region name such as af-south-1'),
    default: 'af-south-1',
    doc: 'Region of the bucket.',
  },
  AWS_S3_BUCKET: {
    schema: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen'),
    default: 'paniq-system-dev',
    doc: 'Bucket that holds the papers.',
  },
  USE_S3_STORAGE: { schema: flag, default: 'false', doc: '`true`: new files go to S3. `false`: to `UPLOADS_DIR`.' },
  AWS_ENDPOINT_URL_S3: {
    schema: url('http:', 'https:'),
    doc: 'Address of an S3-compatible store other than Amazon’s.',
  },
  S3_FORCE_PATH_STYLE: {
    schema: flag,
    doc: 'Bucket in the path instead of the host name. Default: true when `AWS_ENDPOINT_URL_S3` is set.',
  },
  S3_PUBLIC_ENDPOINT_URL: {
    schema: url('http:', 'https:'),
    doc: 'Address that download links are signed for, where people reach the store by another name than the service does. Default: the endpoint.',
  },
  S3_FALLBACK: {
    schema: z.enum(['local', 'off'], 'must be local or off'),
    default: 'local',
    doc: '`off` where the disk dies with the container: without S3 an upload is then refused with 503 and nothing is kept.',
  },
  UPLOADS_DIR: {
    schema: z.string().min(1, 'must name a folder'),
    default: './uploads',
    doc: 'Folder of the local store.',
  },
  DATABASE_URL: {
    schema: url('postgres:', 'postgresql:'),
    secret: true,
    doc: 'PostgreSQL 15 or newer. Unset: an embedded PostgreSQL with its data under `DATA_DIR`.',
  },
  DATABASE_OWNER_URL: {
    schema: url('postgres:', 'postgresql:'),
    secret: true,
    doc: 'Runs the migrations when set, so that the service’s own role need not own the tables.',
  },
  DATA_DIR: {
    schema: z.string().min(1, 'must name a folder'),
    default: './data',
    doc: 'Folder of the embedded database, of generated secrets and of the upload spool.',
  },
  HOST: {
    schema: z.string().min(1, 'must be an address to listen on'),
    default: '127.0.0.1',
    doc: 'Address to listen on.',
  },
  PORT: { schema: whole(0, 65_535), default: '8000', doc: 'Port to listen on.' },
  PUBLIC_URL: {
    schema: url('http:', 'https:'),
    doc: 'The service’s own address as people reach it, for cookies and CORS.',
  },
  JWT_SECRET_KEY: {
    schema: z.string().min(32, 'must be at least 32 characters, for example the output of: openssl rand -hex 32'),
    secret: true,
    doc: 'HS256 key shared with the platform. With the embedded database one is made and kept in `DATA_DIR`; with `DATABASE_URL` it must be given.',
  },
  ADMIN_EMAIL: { schema: z.email('must be an e-mail address'), doc: 'Makes this administrator at start, if absent.' },
  ADMIN_PASSWORD: {
    schema: z
      .string()
      .min(12, 'must be at least 12 characters')
      .refine((text) => Buffer.byteLength(text) <= 72, 'must be at most 72 bytes'),
    secret: true,
    doc: 'Password of that administrator.',
  },
  MAX_UPLOAD_BYTES: {
    schema: whole(1, 2_147_483_647),
    default: '10485760',
    doc: 'Ceiling for one file; a document type may set less.',
  },
  DOWNLOAD_URL_SECONDS: {
    schema: whole(1, 3600),
    default: '3600',
    doc: 'Life of a download link; never longer than the life of the credentials that sign it.',
  },
  TRUST_PROXY: {
    schema: list,
    doc: 'Proxies whose `X-Forwarded-*` headers are believed: a number of hops, or addresses and CIDR ranges, separated by commas. Default: none.',
  },
  CORS_ORIGINS: { schema: list, doc: 'Origins whose pages may call the API, separated by commas. Default: none.' },
  LOG_LEVEL: {
    schema: z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    ),
    default: 'info',
    doc: 'Least severe level that is logged.',
  },
} as const satisfies Record<string, Setting>

/** Settings of the contract whose part is not built yet. To ignore one would promise what is not done (a scan, a link's signer), so it stops the start. */
export const settingsNotBuiltYet = [
  'JWT_JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'CLAMD_URL',
  'CLOUDFRONT_DOMAIN',
  'CLOUDFRONT_KEY_PAIR_ID',
  'CLOUDFRONT_PRIVATE_KEY',
  'SMTP_URL',
  'MAIL_FROM',
]

type Settings = typeof settings
type Values = {
  [Name in keyof Settings]:
    | z.output<Settings[Name]['schema']>
    | (Settings[Name] extends { default: string } ? never : undefined)
}

/** Values as `.env.example` has them, before anybody put in their own. */
const placeholder = /^(your[-_ ].*|changeme|change-me|xxx+|<.*>)$/i

export type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

export type S3Config = {
  bucket: string
  region: string
  endpoint: string | undefined
  publicEndpoint: string | undefined
  forcePathStyle: boolean
  /** Undefined: ask the SDK's default chain. */
  credentials: Credentials | undefined
}

export type DatabaseConfig = { kind: 'embedded' } | { kind: 'external'; url: string; ownerUrl: string | undefined }

export type Config = {
  useS3: boolean
  s3: S3Config
  fallback: 'local' | 'off'
  uploadsDir: string
  dataDir: string
  database: DatabaseConfig
  host: string
  port: number
  publicUrl: string | undefined
  trustProxy: string[]
  corsOrigins: string[]
  /** Undefined with the embedded database alone, which keeps a generated one. */
  jwtSecret: string | undefined
  admin: { email: string; password: string } | undefined
  maxUploadBytes: number
  downloadUrlSeconds: number
  logLevel: string
}

/** Reads the settings out of an environment. Throws a `ConfigError` of one line for the first wrong value. */
export function loadConfig(environment: Environment): Config {
  const notBuilt = settingsNotBuiltYet.find((name) => given(environment, name) !== undefined)
  if (notBuilt !== undefined)
    throw new ConfigError(`${notBuilt} is set, but this version cannot do what it asks for; remove it to start.`)

  const values = readValues(environment)

  return {
    useS3: values.USE_S3_STORAGE,
    s3: s3Config(values),
    fallback: values.S3_FALLBACK,
    uploadsDir: resolve(values.UPLOADS_DIR),
    dataDir: resolve(values.DATA_DIR),
    database: databaseConfig(values),
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL?.replace(/\/+$/, ''),
    trustProxy: values.TRUST_PROXY ?? [],
    corsOrigins: values.CORS_ORIGINS ?? [],
    jwtSecret: jwtSecret(values),
    admin: adminConfig(values),
    maxUploadBytes: values.MAX_UPLOAD_BYTES,
    downloadUrlSeconds: values.DOWNLOAD_URL_SECONDS,
    logLevel: values.LOG_LEVEL,
  }
}

function given(environment: Environment, name: string): string | undefined {
  const text = environment[name]?.trim()
  return text === undefined || text === '' || placeholder.test(text) ? undefined : text
}

function readValues(environment: Environment): Values {
  const entries = Object.entries<Setting>(settings).map(([name, setting]) => {
    const text = given(environment, name) ?? setting.default
    if (text === undefined) return [name, undefined]
    const parsed = setting.schema.safeParse(text)
    if (parsed.success) return [name, parsed.data]
    const shown = setting.secret ? 'its value' : JSON.stringify(text)
    throw new ConfigError(`${name}: ${shown} ${parsed.error.issues[0]?.message ?? 'is wrong'}.`)
  })
  // Each entry went through the schema of its own name; Object.fromEntries cannot carry that.
  return Object.fromEntries(entries) as Values
}

function s3Config(values: Values): S3Config {
  const endpoint = values.AWS_ENDPOINT_URL_S3
  return {
    bucket: values.AWS_S3_BUCKET,
    region: values.AWS_REGION_NAME,
    endpoint,
    publicEndpoint: values.S3_PUBLIC_ENDPOINT_URL ?? endpoint,
    forcePathStyle: values.S3_FORCE_PATH_STYLE ?? endpoint !== undefined,
    credentials: credentials(values),
  }
}

function credentials(values: Values): Credentials | undefined {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = values
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined
  if (accessKeyId === undefined)
    throw new ConfigError('AWS_ACCESS_KEY_ID is not set, but AWS_SECRET_ACCESS_KEY is; set both or neither.')
  if (secretAccessKey === undefined)
    throw new ConfigError('AWS_SECRET_ACCESS_KEY is not set, but AWS_ACCESS_KEY_ID is; set both or neither.')
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
}

function databaseConfig(values: Values): DatabaseConfig {
  if (values.DATABASE_URL !== undefined)
    return { kind: 'external', url: values.DATABASE_URL, ownerUrl: values.DATABASE_OWNER_URL }
  if (values.DATABASE_OWNER_URL !== undefined)
    throw new ConfigError('DATABASE_OWNER_URL is set, but DATABASE_URL is not; set both or neither.')
  return { kind: 'embedded' }
}

function jwtSecret(values: Values): string | undefined {
  if (values.JWT_SECRET_KEY === undefined && values.DATABASE_URL !== undefined)
    throw new ConfigError(
      'JWT_SECRET_KEY is not set; with DATABASE_URL it must be the key that the platform signs its tokens with (at least 32 characters).',
    )
  return values.JWT_SECRET_KEY
}

function adminConfig(values: Values): Config['admin'] {
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = values
  if (email === undefined && password === undefined) return undefined
  if (email === undefined) throw new ConfigError('ADMIN_EMAIL is not set, but ADMIN_PASSWORD is; set both or neither.')
  if (password === undefined)
    throw new ConfigError('ADMIN_PASSWORD is not set, but ADMIN_EMAIL is; set both or neither.')
  return { email, password }
}
