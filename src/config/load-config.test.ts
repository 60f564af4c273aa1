import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

import { describe, expect, test } from 'vitest'

import { configErrorOf } from '../../test/support/config/config-error.ts'
import { loadConfig } from './load-config.ts'
import { limitSettings } from './rate-limits-and-quotas.ts'
import type { Setting } from './setting-formats.ts'
import { settings } from './settings.ts'

const entries = Object.entries<Setting>(settings)

/** Wrong values of each kind. A setting that accepts any text has none. Limits follow. */
const wrongValues: Record<Exclude<keyof typeof settings, keyof typeof limitSettings>, string[]> = {
  AWS_ACCESS_KEY_ID: [],
  AWS_SECRET_ACCESS_KEY: [],
  AWS_SESSION_TOKEN: [],
  AWS_REGION_NAME: ['Africa (Cape Town)'],
  AWS_S3_BUCKET: ['Paniq', 'ab', 's3://paniq', 'paniq-'],
  USE_S3_STORAGE: ['yes', '1', 'TRUE'],
  AWS_ENDPOINT_URL_S3: ['s3.example', 'ftp://s3.example', 'http://key:hunter2-secret@s3.example'],
  S3_FORCE_PATH_STYLE: ['maybe'],
  S3_PUBLIC_ENDPOINT_URL: ['s3.example', 'https://key:hunter2-secret@s3.example'],
  S3_FALLBACK: ['s3'],
  UPLOADS_DIR: ['s3://documents', 'file:///srv/documents'],
  DATABASE_URL: ['mysql://app:hunter2-secret@db/app', 'hunter2-secret'],
  DATABASE_OWNER_URL: ['hunter2-secret'],
  DATABASE_DIRECT_URL: ['mysql://app:hunter2-secret@db/app', 'hunter2-secret'],
  DATA_DIR: ['postgres://db/app'],
  HOST: ['two words'],
  PORT: ['http', '80.5', '-1', '65536', '0x50', '1e3'],
  PUBLIC_URL: ['paniq.example', 'https://me:hunter2-secret@paniq.example'],
  JWT_SECRET_KEY: ['hunter2-secret'],
  JWT_SECRET_KEY_PREVIOUS: ['hunter2-secret'],
  JWT_JWKS_URL: [
    'login.example/keys',
    'http://login.example/keys',
    'http://127.0.0.1.login.example/keys',
    'http://10.0.0.7/keys',
    'ftp://127.0.0.1/keys',
    'https://me:hunter2-secret@login.example/keys',
  ],
  JWT_ISSUER: ['login.example', 'https://me:hunter2-secret@login.example'],
  JWT_AUDIENCE: ['two words', 'one,another'],
  ADMIN_EMAIL: ['thandi', 'thandi@'],
  ADMIN_PASSWORD: ['hunter2', 'éééé', '🔑'.repeat(7), `hunter2-secret${'é'.repeat(40)}`],
  PASSWORD_LOGIN: ['true', 'yes'],
  REGISTRATION: ['closed', 'on'],
  OIDC_CLIENT_ID: ['two words'],
  OIDC_CLIENT_SECRET: [],
  SECOND_FACTOR: ['on', 'admin'],
  MAX_UPLOAD_BYTES: ['0', '10MB', '2147483648'],
  DOWNLOAD_URL_SECONDS: ['0', '3601', '1h'],
  AUDIT_PERSONAL_MONTHS: ['0', 'never', '1.5', '1201'],
  TRASH_DAYS: ['0', '3651', 'a month'],
  WEBHOOK_ALLOW_PRIVATE: ['true', 'yes', 'ON'],
  CLAMD_URL: ['clamd', 'tcp://clamd', 'http://clamd:3310', 'tcp://hunter2@clamd:3310', 'unix://var/run/x', 'unix:///'],
  CLOUDFRONT_DOMAIN: [
    'https://d1.cloudfront.net',
    'd1.cloudfront.net/documents',
    'd1.cloudfront.net:443',
    'cloudfront',
    '10.0.0.7',
    'päper.example',
  ],
  CLOUDFRONT_KEY_PAIR_ID: ['K2JCJ MDEHXQW5F', '-----BEGIN PUBLIC KEY-----', 'keys/cloudfront.pem'],
  CLOUDFRONT_PRIVATE_KEY: ['hunter2-secret', '/nowhere/hunter2-secret.pem'],
  SMTP_URL: ['mail.example.com', 'smtp://me:hunter2-secret@mail.example.com/inbox'],
  MAIL_FROM: ['documents', 'a@example.com, b@example.com'],
  TRUST_PROXY: ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '1,2', '::1/129'],
  CORS_ORIGINS: ['*', 'paniq.example', 'https://paniq.example/', 'https://paniq.example,portal'],
  AUDIT_HEADS: ['s3://', 's3://UPPER/x', 'S3://documents/x', 'ftp://heads/x', 'file:///srv/heads.jsonl'],
  METRICS_TOKEN: ['hunter2-secret', 'hunter2 secret of four words'],
  LOG_LEVEL: ['verbose'],
}

const wrongRates = ['many', '-1', '1.5', '1000000001']
const wrongLimits = Object.keys(limitSettings).map(
  (name) => [name, name.includes('_PER_') ? wrongRates : ['20GB', '-1', '9007199254740993000']] as const,
)

describe('a wrong value', () => {
  const cases = [...Object.entries(wrongValues), ...wrongLimits].flatMap(([name, values]) =>
    values.map((value) => ({ name, value })),
  )

  test.each(cases)('of $name ($value) stops the start with one line of advice', (wrong) => {
    const message = configErrorOf({ [wrong.name]: wrong.value })
    expect(message).toMatch(new RegExp(`^${wrong.name}: .+ must be .+\\.$`))
    expect(message).not.toContain('hunter2')
  })

  test('that is not secret is printed', () => {
    expect(configErrorOf({ PORT: '80a' })).toBe('PORT: "80a" must be a whole number, 0 to 65535.')
  })
})

test.each(['ten charac', '🔑'.repeat(10), '🔑'.repeat(18)])(
  'an administrator’s password of 10 characters to 72 bytes is accepted: %j',
  (word) => {
    expect(loadConfig({ ADMIN_EMAIL: 'thandi@firm.example', ADMIN_PASSWORD: word }).admin?.password).toBe(word)
  },
)

describe('settings that depend on each other', () => {
  test.each([
    [{ AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' }, 'AWS_SECRET_ACCESS_KEY is not set'],
    [{ AWS_SECRET_ACCESS_KEY: 'hunter2-secret' }, 'AWS_ACCESS_KEY_ID is not set'],
    [{ ADMIN_EMAIL: 'thandi@firm.example' }, 'ADMIN_PASSWORD is not set'],
    [{ ADMIN_PASSWORD: 'hunter2-secret' }, 'ADMIN_EMAIL is not set'],
    [{ DATABASE_URL: 'postgres://app:hunter2-secret@db/app' }, 'JWT_SECRET_KEY is not set'],
    [{ JWT_JWKS_URL: 'https://login.example/keys' }, 'JWT_ISSUER is not set'],
    [{ JWT_JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'https://login.example' }, 'JWT_AUDIENCE is not set'],
    [{ JWT_JWKS_URL: 'https://login.example/keys', JWT_AUDIENCE: 'documents' }, 'JWT_ISSUER is not set'],
    [{ JWT_ISSUER: 'https://login.example', JWT_AUDIENCE: 'documents' }, 'JWT_JWKS_URL is not set'],
    [{ JWT_ISSUER: 'https://login.example' }, 'JWT_JWKS_URL is not set'],
    [{ JWT_AUDIENCE: 'documents' }, 'JWT_JWKS_URL is not set'],
    [{ DATABASE_OWNER_URL: 'postgres://db/app' }, 'DATABASE_URL is not'],
    [{ DATABASE_DIRECT_URL: 'postgres://app:hunter2-secret@db/app' }, 'DATABASE_URL is not'],
  ])('%o: the missing one is named', (environment, expected) => {
    const message = configErrorOf(environment)
    expect(message).toContain(expected)
    expect(message).not.toContain('hunter2-secret')
  })
})

describe('heads of the audit trail', () => {
  test('must not be in the bucket of the documents, to which the service has a key', () => {
    for (const place of ['s3://documents', 's3://documents/heads/'])
      expect(configErrorOf({ AWS_S3_BUCKET: 'documents', AUDIT_HEADS: place })).toMatch(
        /^AUDIT_HEADS: documents is the bucket of the documents .+ could remove the heads\. Name another bucket, or a file\.$/,
      )
    expect(configErrorOf({ AUDIT_HEADS: 's3://paniq-system-dev/heads/' })).toMatch(/^AUDIT_HEADS: paniq-system-dev is/)
  })

  test('may be in another one', () => {
    const { auditHeads } = loadConfig({ AWS_S3_BUCKET: 'documents', AUDIT_HEADS: 's3://documents-evidence/heads' })
    expect(auditHeads).toEqual({ bucket: 'documents-evidence', prefix: 'heads/' })
  })
})

test('without settings, everything has its default, and documents and data are in the working directory', () => {
  expect(loadConfig({})).toEqual({
    useS3: false,
    s3: {
      bucket: 'paniq-system-dev',
      region: 'af-south-1',
      endpoint: undefined,
      publicEndpoint: undefined,
      forcePathStyle: false,
      credentials: undefined,
    },
    fallback: 'local',
    uploadsDir: `${process.cwd()}/uploads`,
    dataDir: `${process.cwd()}/data`,
    database: { kind: 'embedded' },
    host: '127.0.0.1',
    port: 8000,
    publicUrl: undefined,
    trustProxy: [],
    webhookAllowPrivate: false,
    corsOrigins: [],
    jwtSecret: undefined,
    openId: undefined,
    admin: undefined,
    secondFactor: 'off',
    secondFactorOfKeys: 'off',
    passwordLogin: true,
    registration: 'open',
    maxUploadBytes: 10_485_760,
    downloadUrlSeconds: 3600,
    trashDays: 30,
    rates: {
      uploads: { person: 600, address: 6000 },
      downloads: { person: 1000, address: 20_000 },
      logins: { person: 60, address: 600 },
      registrations: { person: 60, address: 600 },
      password_resets: { person: undefined, address: 600 },
      verifications: { person: 60, address: 600 },
      invitations: { person: 100, address: 500 },
      exports: { person: 20, address: 200 },
      archives: { person: 20, address: 200 },
      events: { person: 10000, address: 100000 },
    },
    defaultQuota: { bytes: 20 * 1024 ** 3, documents: 20_000, draftBytes: 2 * 1024 ** 3 },
    firmsPerPerson: 3,
    logLevel: 'info',
  })
})

test('an S3-compatible store gets path-style requests, and links with its address, by default', () => {
  const endpoint = 'http://127.0.0.1:7480'
  expect(loadConfig({ AWS_ENDPOINT_URL_S3: endpoint }).s3).toMatchObject({
    forcePathStyle: true,
    publicEndpoint: endpoint,
  })
  const own = { AWS_ENDPOINT_URL_S3: endpoint, S3_FORCE_PATH_STYLE: 'false' }
  const explicit = { ...own, S3_PUBLIC_ENDPOINT_URL: 'https://s3.example' }
  expect(loadConfig(explicit).s3).toMatchObject({ forcePathStyle: false, publicEndpoint: 'https://s3.example' })
})

test('lists are parsed, and blanks around values are ignored', () => {
  const config = loadConfig({
    CORS_ORIGINS: 'https://a.example, http://b.example:8080 ,',
    TRUST_PROXY: ' 10.0.0.0/8,::1 ',
  })
  expect(config.corsOrigins).toEqual(['https://a.example', 'http://b.example:8080'])
  expect(config.trustProxy).toEqual(['10.0.0.0/8', '::1'])
  expect(loadConfig({ TRUST_PROXY: '2' }).trustProxy).toEqual(['2'])
})

test.each(['off', '0'])('%s removes a limit', (word) => {
  expect(loadConfig({ UPLOADS_PER_PERSON: word }).rates.uploads).toEqual({ person: undefined, address: 6000 })
})

test('a scanner is a host and port, or a socket', () => {
  expect(loadConfig({ CLAMD_URL: 'tcp://clamd.example:3310' }).clamd).toEqual({ host: 'clamd.example', port: 3310 })
  expect(loadConfig({ CLAMD_URL: 'tcp://[::1]:3310' }).clamd).toEqual({ host: '::1', port: 3310 })
  expect(loadConfig({ CLAMD_URL: 'unix:///run/clamd.ctl' }).clamd).toEqual({ path: '/run/clamd.ctl' })
  expect(loadConfig({}).clamd).toBeUndefined()
})

test('an empty value counts as unset', () => {
  expect(loadConfig(Object.fromEntries(entries.map(([name]) => [name, ' '])))).toEqual(loadConfig({}))
})

test('one line names every wrong setting', () => {
  expect(configErrorOf({ PORT: 'x', LOG_LEVEL: 'loud' })).toBe(
    'PORT: "x" must be a whole number, 0 to 65535. LOG_LEVEL: "loud" must be fatal, error, warn, info, debug, trace or silent.',
  )
})

describe('.env.example', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

  test('copied unchanged sets nothing: its placeholders count as unset', () => {
    const environment = parseEnv(example)
    expect(environment).toMatchObject({ AWS_ACCESS_KEY_ID: 'your-access-key-id' })
    expect(loadConfig(environment)).toEqual(loadConfig({}))
  })

  test('has every setting once, and no other', () => {
    const names = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)
    expect(new Set(names)).toEqual(new Set(entries.map(([name]) => name)))
    expect(names).toHaveLength(entries.length)
  })

  test('has a valid value for each setting that is commented out', () => {
    const commentedOut = parseEnv(example.replaceAll(/^# (?=[A-Z0-9_]+=)/gm, ''))
    const secrets = {
      JWT_SECRET_KEY: '0123456789abcdef0123456789abcdef',
      ADMIN_PASSWORD: 'a long walk to work',
      CLOUDFRONT_PRIVATE_KEY: generateKeyPairSync('ec', {
        namedCurve: 'prime256v1',
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      }).privateKey,
    }
    expect(loadConfig({ ...commentedOut, ...secrets }).publicUrl).toBe(commentedOut['PUBLIC_URL'])
  })

  test('a bucket name that looks like a placeholder is accepted', () => {
    expect(loadConfig({ AWS_S3_BUCKET: 'your-company-documents' }).s3.bucket).toBe('your-company-documents')
  })
})

test('docs/configuration.md has the default and the meaning of every setting', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const cells = page.split('\n').map((line) => line.split(/ *\| */).slice(1, -1))
  const rows = cells.filter(([name = '']) => /^`[A-Z0-9_]+`$/.test(name))
  expect(rows).toEqual(
    entries.map(([name, setting]) => [`\`${name}\``, setting.default ? `\`${setting.default}\`` : '–', setting.doc]),
  )
})
