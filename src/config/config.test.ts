import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

import { describe, expect, test } from 'vitest'

import { ConfigError } from '../errors/app-error.ts'
import { loadConfig } from './config.ts'
import type { Setting } from './setting-formats.ts'
import { settings, unsupportedSettings } from './settings.ts'

const entries = Object.entries<Setting>(settings)

/** A wrong value of each kind that a setting can have. A setting that takes any text has none. */
const wrongValues: Record<keyof typeof settings, string[]> = {
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
  MAX_UPLOAD_BYTES: ['0', '10MB', '2147483648'],
  DOWNLOAD_URL_SECONDS: ['0', '3601', '1h'],
  UPLOADS_PER_PERSON: ['many', '-1', '1.5', '1000000001'],
  UPLOADS_PER_ADDRESS: ['many', '-1', '1.5', '1000000001'],
  DOWNLOADS_PER_PERSON: ['many', '-1', '1.5', '1000000001'],
  DOWNLOADS_PER_ADDRESS: ['many', '-1', '1.5', '1000000001'],
  LOGINS_PER_PERSON: ['many', '-1', '1.5', '1000000001'],
  LOGINS_PER_ADDRESS: ['many', '-1', '1.5', '1000000001'],
  EVENTS_PER_PERSON: ['many', '-1', '1.5', '1000000001'],
  EVENTS_PER_ADDRESS: ['many', '-1', '1.5', '1000000001'],
  FIRM_QUOTA_BYTES: ['20GB', '-1'],
  FIRM_QUOTA_DOCUMENTS: ['many', '9007199254740993000'],
  TRASH_DAYS: ['0', '3651', 'a month'],
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
  TRUST_PROXY: ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '1,2', '::1/129'],
  CORS_ORIGINS: ['*', 'paniq.example', 'https://paniq.example/', 'https://paniq.example,portal'],
  AUDIT_HEADS: ['s3://', 's3://UPPER/x', 'S3://documents/x', 'ftp://heads/x', 'file:///srv/heads.jsonl'],
  LOG_LEVEL: ['verbose'],
}

describe('a wrong value', () => {
  const cases = Object.entries(wrongValues).flatMap(([name, values]) => values.map((value) => ({ name, value })))

  test.each(cases)('of $name ($value) stops the start with one line that names it and what is allowed', (wrong) => {
    const message = refusal({ [wrong.name]: wrong.value })
    expect(message).toMatch(new RegExp(`^${wrong.name}: .+ must be .+\\.$`))
    expect(message).not.toContain('hunter2')
  })

  test('that is no secret is shown, so that it can be found', () => {
    expect(refusal({ PORT: '80a' })).toBe('PORT: "80a" must be a whole number, 0 to 65535.')
  })
})

test.each(['eight ch', '🔑'.repeat(8), '🔑'.repeat(18)])(
  'an administrator’s password of 8 characters to 72 bytes is taken: %j',
  (word) => {
    expect(loadConfig({ ADMIN_EMAIL: 'thandi@firm.example', ADMIN_PASSWORD: word }).admin?.password).toBe(word)
  },
)

describe('settings that need each other', () => {
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
    const message = refusal(environment)
    expect(message).toContain(expected)
    expect(message).not.toContain('hunter2-secret')
  })
})

describe('heads of the audit trail', () => {
  test('may not be in the bucket of the documents, whose key the service has', () => {
    for (const place of ['s3://documents', 's3://documents/heads/'])
      expect(refusal({ AWS_S3_BUCKET: 'documents', AUDIT_HEADS: place })).toMatch(
        /^AUDIT_HEADS: documents is the bucket of the documents .+ could remove the heads\. Name another bucket, or a file\.$/,
      )
    expect(refusal({ AUDIT_HEADS: 's3://paniq-system-dev/heads/' })).toMatch(/^AUDIT_HEADS: paniq-system-dev is/)
  })

  test('may be in another one', () => {
    const { auditHeads } = loadConfig({ AWS_S3_BUCKET: 'documents', AUDIT_HEADS: 's3://documents-evidence/heads' })
    expect(auditHeads).toEqual({ bucket: 'documents-evidence', prefix: 'heads/' })
  })
})

test.each(unsupportedSettings)('%s is refused, because this version would not do what it asks for', (name) => {
  expect(refusal({ [name]: 'https://somewhere.example' })).toContain(name)
})

test('without settings everything has its default, and documents and data stay in the working directory', () => {
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
    corsOrigins: [],
    jwtSecret: undefined,
    openId: undefined,
    admin: undefined,
    maxUploadBytes: 10_485_760,
    downloadUrlSeconds: 3600,
    trashDays: 30,
    rates: {
      uploads: { person: 600, address: 6000 },
      downloads: { person: 1000, address: 20_000 },
      logins: { person: 60, address: 600 },
      events: { person: 10000, address: 100000 },
    },
    defaultQuota: { bytes: 20 * 1024 ** 3, documents: 20_000 },
    logLevel: 'info',
  })
})

test('a store of one’s own is spoken to in paths, and its links carry its address, unless told otherwise', () => {
  const endpoint = 'http://127.0.0.1:7480'
  expect(loadConfig({ AWS_ENDPOINT_URL_S3: endpoint }).s3).toMatchObject({
    forcePathStyle: true,
    publicEndpoint: endpoint,
  })
  const told = {
    AWS_ENDPOINT_URL_S3: endpoint,
    S3_FORCE_PATH_STYLE: 'false',
    S3_PUBLIC_ENDPOINT_URL: 'https://s3.example',
  }
  expect(loadConfig(told).s3).toMatchObject({ forcePathStyle: false, publicEndpoint: 'https://s3.example' })
})

describe('a provider of OpenID tokens', () => {
  const openId = {
    JWT_JWKS_URL: 'https://login.example/keys?for=1',
    JWT_ISSUER: 'https://login.example/',
    JWT_AUDIENCE: 'documents',
  }

  test('is taken as it is written, letter for letter', () => {
    expect(loadConfig(openId).openId).toEqual({
      jwksUrl: 'https://login.example/keys?for=1',
      issuer: 'https://login.example/',
      audience: 'documents',
    })
  })

  test('makes a secret that is shared with the platform needless', () => {
    const database = { DATABASE_URL: 'postgres://db/app' }
    expect(loadConfig({ ...openId, ...database }).jwtSecret).toBeUndefined()
  })

  test.each(['http://127.0.0.1:9000/keys', 'http://localhost/keys', 'http://[::1]:9000/keys', 'http://127.1/keys'])(
    'may be on this machine, without TLS: %s',
    (address) => {
      expect(loadConfig({ ...openId, JWT_JWKS_URL: address }).openId?.jwksUrl).toBe(address)
    },
  )
})

test('lists are read, and blanks around values do not count', () => {
  const config = loadConfig({
    CORS_ORIGINS: 'https://a.example, http://b.example:8080 ,',
    TRUST_PROXY: ' 10.0.0.0/8,::1 ',
  })
  expect(config.corsOrigins).toEqual(['https://a.example', 'http://b.example:8080'])
  expect(config.trustProxy).toEqual(['10.0.0.0/8', '::1'])
  expect(loadConfig({ TRUST_PROXY: '2' }).trustProxy).toEqual(['2'])
})

test.each(['off', '0'])('%s takes a limit away', (word) => {
  expect(loadConfig({ UPLOADS_PER_PERSON: word }).rates.uploads).toEqual({ person: undefined, address: 6000 })
})

test('a scanner is a host and port, or a socket', () => {
  expect(loadConfig({ CLAMD_URL: 'tcp://clamd.example:3310' }).clamd).toEqual({ host: 'clamd.example', port: 3310 })
  expect(loadConfig({ CLAMD_URL: 'tcp://[::1]:3310' }).clamd).toEqual({ host: '::1', port: 3310 })
  expect(loadConfig({ CLAMD_URL: 'unix:///run/clamd.ctl' }).clamd).toEqual({ path: '/run/clamd.ctl' })
  expect(loadConfig({}).clamd).toBeUndefined()
})

test('an empty value counts as none', () => {
  expect(loadConfig(Object.fromEntries(entries.map(([name]) => [name, ' '])))).toEqual(loadConfig({}))
})

test('every wrong setting is named, in one line', () => {
  expect(refusal({ PORT: 'x', LOG_LEVEL: 'loud' })).toBe(
    'PORT: "x" must be a whole number, 0 to 65535. LOG_LEVEL: "loud" must be fatal, error, warn, info, debug, trace or silent.',
  )
})

describe('.env.example', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

  test('copied as it is changes nothing: its placeholders count as none', () => {
    const environment = parseEnv(example)
    expect(environment).toMatchObject({ AWS_ACCESS_KEY_ID: 'your-access-key-id' })
    expect(loadConfig(environment)).toEqual(loadConfig({}))
  })

  test('has every setting once, and no other', () => {
    const names = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)
    expect(new Set(names)).toEqual(new Set(entries.map(([name]) => name)))
    expect(names).toHaveLength(entries.length)
  })

  test('shows a value that would be taken for each setting that it leaves out', () => {
    const leftOut = parseEnv(example.replaceAll(/^# (?=[A-Z0-9_]+=)/gm, ''))
    const secrets = {
      JWT_SECRET_KEY: '0123456789abcdef0123456789abcdef',
      ADMIN_PASSWORD: 'a long password',
      CLOUDFRONT_PRIVATE_KEY: generateKeyPairSync('ec', {
        namedCurve: 'prime256v1',
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      }).privateKey,
    }
    expect(loadConfig({ ...leftOut, ...secrets }).publicUrl).toBe(leftOut['PUBLIC_URL'])
  })

  test('a bucket whose name only looks like a placeholder is taken', () => {
    expect(loadConfig({ AWS_S3_BUCKET: 'your-company-documents' }).s3.bucket).toBe('your-company-documents')
  })
})

test('docs/configuration.md says of every setting what the service does', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const cells = page.split('\n').map((line) => line.split(/ *\| */).slice(1, -1))
  const rows = cells.filter(([name = '']) => /^`[A-Z0-9_]+`$/.test(name))
  expect(rows).toEqual(
    entries.map(([name, setting]) => [`\`${name}\``, setting.default ? `\`${setting.default}\`` : '–', setting.doc]),
  )
})

function refusal(environment: Record<string, string>): string {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('the start was not stopped')
}
