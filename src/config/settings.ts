import { z } from 'zod'

import { domainName, keyPairId, signingKey } from './cloudfront.ts'
import { limitSettings } from './rate-limits-and-quotas.ts'
import { mailAddress, mailServer } from './mail.ts'
import {
  bucketName,
  clamdAddress,
  flag,
  folder,
  origins,
  pathOrBucket,
  postgresAddress,
  proxies,
  type Setting,
  webAddress,
  whole,
} from './setting-formats.ts'
import { signInSettings } from './sign-in.ts'

/** Every setting with its schema, default and meaning. A test compares docs/configuration.md and .env.example with this table. */
export const settings = {
  AWS_ACCESS_KEY_ID: {
    schema: z.string(),
    secret: true,
    doc: 'Access key. Without it the AWS SDK uses its default chain: profile, container or instance role, web identity.',
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
    doc: 'Bucket of the documents.',
  },
  USE_S3_STORAGE: {
    schema: flag,
    default: 'false',
    doc: '`true`: new files are stored on S3, and in `UPLOADS_DIR` while S3 is down. `false`: in `UPLOADS_DIR`.',
  },
  AWS_ENDPOINT_URL_S3: { schema: webAddress, doc: 'Address of an S3-compatible store other than Amazon S3.' },
  S3_FORCE_PATH_STYLE: {
    schema: flag,
    doc: 'Puts the bucket in the path instead of the host name. Default: true when `AWS_ENDPOINT_URL_S3` is set.',
  },
  S3_PUBLIC_ENDPOINT_URL: {
    schema: webAddress,
    doc: 'Address in download links, if clients reach the store by another name than the service. Default: the endpoint.',
  },
  S3_FALLBACK: {
    schema: z.enum(['local', 'off'], 'must be local or off'),
    default: 'local',
    doc: '`off` if the disk is lost with the container: while S3 is down, uploads then fail with 503 and nothing is stored.',
  },
  UPLOADS_DIR: {
    schema: folder,
    default: './uploads',
    doc: 'Folder of the local store, and of files that wait for S3.',
  },
  DATABASE_URL: {
    schema: postgresAddress,
    secret: true,
    doc: 'PostgreSQL 15 or newer. Unset: an embedded PostgreSQL with its data in `DATA_DIR`.',
  },
  DATABASE_OWNER_URL: {
    schema: postgresAddress,
    secret: true,
    doc: 'Runs the migrations, so that the role of the service does not have to own the tables.',
  },
  DATABASE_DIRECT_URL: {
    schema: postgresAddress,
    secret: true,
    doc: 'The same database and role as `DATABASE_URL`, without a transaction pooler. Default: `DATABASE_URL`.',
  },
  DATA_DIR: {
    schema: folder,
    default: './data',
    doc: 'Folder of the embedded database, of generated secrets and of the upload spool, which uses at most as much space as it leaves free.',
  },
  HOST: {
    schema: z.string().regex(/^\S+$/, 'must be an address or a host name to listen on'),
    default: '127.0.0.1',
    doc: 'Address to listen on.',
  },
  PORT: { schema: whole(0, 65_535), default: '8000', doc: 'Port to listen on.' },
  PUBLIC_URL: {
    schema: webAddress,
    doc: 'Public address of the service, for cookies and CORS. Required behind a proxy that terminates TLS, unless `TRUST_PROXY` trusts it.',
  },
  ...signInSettings,
  MAX_UPLOAD_BYTES: {
    schema: whole(1, 2_147_483_647),
    default: '10485760',
    doc: 'Maximum size of a file; a document type may set less.',
  },
  DOWNLOAD_URL_SECONDS: {
    schema: whole(1, 3600),
    default: '3600',
    doc: 'Lifetime of a download link, 1 to 3600; at most the lifetime of the credentials that sign it.',
  },
  ...limitSettings,
  TRASH_DAYS: {
    schema: whole(1, 3650),
    default: '30',
    doc: 'Number of days before a deleted document is destroyed. A change also applies to documents that are in the trash already.',
  },
  CLAMD_URL: {
    schema: clamdAddress,
    doc: 'Virus scanner: the address of ClamAV’s clamd, `tcp://host:port` or `unix:///path`. Set: every file is scanned, and unscanned files are not served. Unset: files are not scanned (`skipped`).',
  },
  CLOUDFRONT_DOMAIN: {
    schema: domainName,
    doc: 'Host name of a CloudFront distribution in front of the bucket. Download links are then signed for CloudFront instead of S3. Set all three or none.',
  },
  CLOUDFRONT_KEY_PAIR_ID: {
    schema: keyPairId,
    doc: 'Id of the public key in the trusted key group of the distribution.',
  },
  CLOUDFRONT_PRIVATE_KEY: {
    schema: signingKey,
    secret: true,
    doc: 'Its private key, ECDSA on P-256 or RSA of 2048 bits: as PEM with line breaks or `\\n` between its lines, or the absolute path of a PEM file.',
  },
  SMTP_URL: {
    schema: mailServer,
    secret: true,
    doc: 'Mail server: `smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465`. Set: people verify their e-mail and reset a forgotten password by mail. Requires `PUBLIC_URL`, whose pages the mails link to (docs/mail.md). Unset: nothing is mailed, and an operator sets forgotten passwords (`users set-password`). `smtp://…?tls=off` sends without TLS; only for a server on this machine is TLS optional otherwise.',
  },
  MAIL_FROM: {
    schema: mailAddress,
    doc: 'Sender of the mails: `documents@example.com` or `Paniq Documents <documents@example.com>`. Default: `no-reply` at the host of `PUBLIC_URL`.',
  },
  WEBHOOK_ALLOW_PRIVATE: {
    schema: z.enum(['on', 'off'], 'must be on or off'),
    default: 'off',
    doc: '`on`: webhooks may also go to private addresses, such as those of this machine and its network. `off`: to public addresses only.',
  },
  TRUST_PROXY: {
    schema: proxies,
    doc: 'Proxies whose `X-Forwarded-*` headers are trusted: a number of hops, or addresses and CIDR ranges separated by commas. Default: none.',
  },
  CORS_ORIGINS: {
    schema: origins,
    doc: 'Other origins than `PUBLIC_URL` whose pages may call the API, separated by commas. Default: none.',
  },
  AUDIT_HEADS: {
    schema: pathOrBucket,
    doc: 'Where the newest seal of the audit trail is stored outside the database, once an hour: a file, best on the disk of another machine, or `s3://bucket/prefix/`, best with Object Lock. Without it nobody can prove that the end of the trail was not removed.',
  },
  AUDIT_PERSONAL_MONTHS: {
    schema: whole(1, 1200),
    doc: 'Number of months after which the addresses and user agents of audit events are deleted for good; the events and their seals stay. Unset: they stay.',
  },
  METRICS_TOKEN: {
    schema: z
      .string()
      .regex(/^\S{16,}$/, 'must be at least 16 characters without blanks, for example: openssl rand -hex 32'),
    secret: true,
    doc: 'Lets other addresses than loopback read `/metrics` and the details of `/readyz`, as `Authorization: Bearer`. Unset: only loopback reads them.',
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

// Only secrets have placeholders: a bucket may be named `your-company-files`.
const placeholder = /^(your[-_ ].*|change-?me|xxx+|<.*>)$/i

/** The value of a setting; undefined when it is empty, or a placeholder of `.env.example`. */
export function findSetting(environment: Record<string, string | undefined>, name: string): string | undefined {
  const text = environment[name]?.trim()
  if (text === undefined || text === '') return undefined
  // Undefined for a name that is not in the table.
  const setting = (settings as Record<string, Setting>)[name]
  return setting?.secret && placeholder.test(text) ? undefined : text
}
