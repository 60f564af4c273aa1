import { z } from 'zod'

import { domainName, keyPairId, signingKey } from './cloudfront.ts'
import {
  bucketName,
  clamdAddress,
  flag,
  folder,
  keysAddress,
  maxOrOff,
  newPassword,
  origins,
  pathOrBucket,
  postgresAddress,
  proxies,
  type Setting,
  webAddress,
  whole,
} from './setting-formats.ts'

export type RateKind = 'uploads' | 'downloads' | 'logins' | 'events'

/** How often in an hour; undefined: as often as they like. */
export type RateLimits = Record<RateKind, { person: number | undefined; address: number | undefined }>

/** How much a firm may keep that has no quota of its own; undefined: as much as it likes. */
export type DefaultQuota = { bytes: number | undefined; documents: number | undefined }

const perHour = maxOrOff(1_000_000_000)

/** The settings that bound what one person, address or firm may do. */
export const limitSettings = {
  UPLOADS_PER_PERSON: {
    schema: perHour,
    default: '600',
    doc: 'Files that one person may hand in in an hour, over all instances. `off` or 0: any number.',
  },
  UPLOADS_PER_ADDRESS: {
    schema: perHour,
    default: '6000',
    doc: 'The same for one address, with all people behind it.',
  },
  DOWNLOADS_PER_PERSON: {
    schema: perHour,
    default: '1000',
    doc: 'Downloads and links to files that one person may ask for in an hour. `off` or 0: any number.',
  },
  DOWNLOADS_PER_ADDRESS: {
    schema: perHour,
    default: '20000',
    doc: 'The same for one address, and files of the local store that are fetched by their links.',
  },
  LOGINS_PER_PERSON: {
    schema: perHour,
    default: '60',
    doc: 'Logins with one e-mail in an hour, right or wrong. `off` or 0: any number. That ten wrong ones lock it stays.',
  },
  LOGINS_PER_ADDRESS: {
    schema: perHour,
    default: '600',
    doc: 'Logins and registrations from one address in an hour.',
  },
  EVENTS_PER_PERSON: {
    schema: perHour,
    default: '10000',
    doc: 'Other calls of one person in an hour that the audit trail keeps: what changes something, looks at a document or is refused. `off` or 0: any number.',
  },
  EVENTS_PER_ADDRESS: {
    schema: perHour,
    default: '100000',
    doc: 'The same for one address, with the calls that renew or end a session.',
  },
  FIRM_QUOTA_BYTES: {
    schema: maxOrOff(Number.MAX_SAFE_INTEGER),
    default: '21474836480',
    doc: 'Bytes that a firm may keep, 20 GiB unless set otherwise; an administrator may give a firm another bound. `off` or 0: any number.',
  },
  FIRM_QUOTA_DOCUMENTS: {
    schema: maxOrOff(Number.MAX_SAFE_INTEGER),
    default: '20000',
    doc: 'Documents that a firm may keep, each with any number of versions.',
  },
} as const satisfies Record<string, Setting>

type Values = { [Name in keyof typeof limitSettings]: number | undefined }

export function readRates(values: Values): RateLimits {
  return {
    uploads: { person: values.UPLOADS_PER_PERSON, address: values.UPLOADS_PER_ADDRESS },
    downloads: { person: values.DOWNLOADS_PER_PERSON, address: values.DOWNLOADS_PER_ADDRESS },
    logins: { person: values.LOGINS_PER_PERSON, address: values.LOGINS_PER_ADDRESS },
    events: { person: values.EVENTS_PER_PERSON, address: values.EVENTS_PER_ADDRESS },
  }
}

export function readDefaultQuota(values: Values): DefaultQuota {
  return { bytes: values.FIRM_QUOTA_BYTES, documents: values.FIRM_QUOTA_DOCUMENTS }
}

/** Every setting, its form, its default and its meaning. docs/configuration.md and .env.example are held against this by a test. */
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
    schema: z.string().regex(bucketName, 'must be a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen'),
    default: 'paniq-system-dev',
    doc: 'Bucket that holds the papers.',
  },
  USE_S3_STORAGE: {
    schema: flag,
    default: 'false',
    doc: '`true`: new files go to S3, and to `UPLOADS_DIR` while S3 is out. `false`: to `UPLOADS_DIR`.',
  },
  AWS_ENDPOINT_URL_S3: { schema: webAddress, doc: 'Address of an S3-compatible store other than Amazon’s.' },
  S3_FORCE_PATH_STYLE: {
    schema: flag,
    doc: 'Bucket in the path instead of the host name. Default: true when `AWS_ENDPOINT_URL_S3` is set.',
  },
  S3_PUBLIC_ENDPOINT_URL: {
    schema: webAddress,
    doc: 'Address that download links are signed for, where people reach the store by another name than the service does. Default: the endpoint.',
  },
  S3_FALLBACK: {
    schema: z.enum(['local', 'off'], 'must be local or off'),
    default: 'local',
    doc: '`off` where the disk dies with the container: without S3 an upload is then refused with 503 and nothing is kept.',
  },
  UPLOADS_DIR: {
    schema: folder,
    default: './uploads',
    doc: 'Folder of the local store, and of what waits for S3 to be back.',
  },
  DATABASE_URL: {
    schema: postgresAddress,
    secret: true,
    doc: 'PostgreSQL 15 or newer. Unset: an embedded PostgreSQL with its data under `DATA_DIR`.',
  },
  DATABASE_OWNER_URL: {
    schema: postgresAddress,
    secret: true,
    doc: 'Runs the migrations when set, so that the service’s own role need not own the tables.',
  },
  DATABASE_DIRECT_URL: {
    schema: postgresAddress,
    secret: true,
    doc: 'The same database and role as `DATABASE_URL`, without a transaction pooler in between. Default: `DATABASE_URL`.',
  },
  DATA_DIR: {
    schema: folder,
    default: './data',
    doc: 'Folder of the embedded database, of generated secrets and of the upload spool, which takes at most as much room as it leaves free.',
  },
  HOST: {
    schema: z.string().regex(/^\S+$/, 'must be an address or a host name to listen on'),
    default: '127.0.0.1',
    doc: 'Address to listen on.',
  },
  PORT: { schema: whole(0, 65_535), default: '8000', doc: 'Port to listen on.' },
  PUBLIC_URL: {
    schema: webAddress,
    doc: 'The service’s own address as people reach it, for cookies and CORS. Needed behind a proxy that ends TLS, unless `TRUST_PROXY` trusts it.',
  },
  JWT_SECRET_KEY: {
    schema: z.string().min(32, 'must be at least 32 characters, for example the output of: openssl rand -hex 32'),
    secret: true,
    doc: 'HS256 key shared with the platform. With the embedded database one is made and kept in `DATA_DIR`; with `DATABASE_URL` it must be given, unless `JWT_JWKS_URL` is: then one for our own tokens and links is made and kept in the database.',
  },
  JWT_JWKS_URL: {
    schema: keysAddress,
    doc: 'Address of an OpenID provider’s keys (its `jwks_uri`). Its access tokens (RS256, ES256) are then taken too. Set all three or none.',
  },
  JWT_ISSUER: {
    schema: webAddress,
    doc: 'The provider, letter for letter as its tokens name it in `iss`.',
  },
  JWT_AUDIENCE: {
    schema: z.string().regex(/^[^\s,]+$/, 'must be one name without blanks or commas'),
    doc: 'This service, as the provider’s access tokens name it in `aud`. A token for another service is refused.',
  },
  ADMIN_EMAIL: {
    schema: z.email('must be an e-mail address'),
    doc: 'Makes this administrator at start, if absent. Unset: an embedded database that has no administrator gets one.',
  },
  ADMIN_PASSWORD: {
    schema: newPassword,
    secret: true,
    doc: 'Password of that administrator, 8 characters or more.',
  },
  MAX_UPLOAD_BYTES: {
    schema: whole(1, 2_147_483_647),
    default: '10485760',
    doc: 'Ceiling for one file; a document type may set less.',
  },
  DOWNLOAD_URL_SECONDS: {
    schema: whole(1, 3600),
    default: '3600',
    doc: 'Life of a download link, 1 to 3600; never longer than the life of the credentials that sign it.',
  },
  ...limitSettings,
  TRASH_DAYS: {
    schema: whole(1, 3650),
    default: '30',
    doc: 'How long a deleted document can be restored before it is destroyed. A change counts for what is in the trash already.',
  },
  CLAMD_URL: {
    schema: clamdAddress,
    doc: 'Virus scanner: the address of ClamAV’s clamd, `tcp://host:port` or `unix:///path`. Set: every file is scanned and nothing unscanned is served. Unset: nothing is scanned, and documents say `skipped`.',
  },
  CLOUDFRONT_DOMAIN: {
    schema: domainName,
    doc: 'Host name of a CloudFront distribution in front of the bucket. Set: download links to S3 are signed for it instead of for S3. Set all three or none.',
  },
  CLOUDFRONT_KEY_PAIR_ID: {
    schema: keyPairId,
    doc: 'Id of the public key in the distribution’s trusted key group.',
  },
  CLOUDFRONT_PRIVATE_KEY: {
    schema: signingKey,
    secret: true,
    doc: 'The private key that belongs to it, ECDSA on P-256 or RSA of 2048 bits: in PEM with line breaks or `\\n` between its lines, or the path of a file with it, from `/` on.',
  },
  TRUST_PROXY: {
    schema: proxies,
    doc: 'Proxies whose `X-Forwarded-*` headers are believed: a number of hops, or addresses and CIDR ranges separated by commas. Default: none.',
  },
  CORS_ORIGINS: {
    schema: origins,
    doc: 'Origins whose pages may call the API beside that of `PUBLIC_URL`, separated by commas. Default: none.',
  },
  AUDIT_HEADS: {
    schema: pathOrBucket,
    doc: 'Where the newest seal of the audit trail is kept outside of the database, once an hour: a file, best on another machine’s disk, or `s3://bucket/prefix/`, best with Object Lock. Without it nobody can show that the end of the trail was not cut off.',
  },
  LOG_LEVEL: {
    schema: z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    ),
    default: 'info',
    doc: 'Least severe level that is logged.',
  },
} as const satisfies Record<string, Setting>

/** Settings of the contract whose part is not built yet. To ignore one would promise what is not done, so it stops the start. */
export const unsupportedSettings = ['SMTP_URL', 'MAIL_FROM']

// Only secrets have placeholders: a bucket may well be called `your-company-papers`.
const placeholder = /^(your[-_ ].*|change-?me|xxx+|<.*>)$/i

/** What the environment says of a setting; undefined when that is nothing, or what `.env.example` says. */
export function findSetting(environment: Record<string, string | undefined>, name: string): string | undefined {
  const text = environment[name]?.trim()
  if (text === undefined || text === '') return undefined
  // The table's own names are its keys; any other name has no setting, which is what undefined says.
  const setting = (settings as Record<string, Setting>)[name]
  return setting?.secret && placeholder.test(text) ? undefined : text
}
