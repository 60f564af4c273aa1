import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { type Config, loadConfig } from '../../config/load-config.ts'
import {
  addressToOpen,
  describeAdministrator,
  describeMail,
  describeScanner,
  describeStorage,
  firstCall,
} from './describe-start.ts'

describe('the administrator', () => {
  const email = 'thandi@firm.example'

  test('created from the settings, or present already', async () => {
    const { config } = await makeConfig()
    const made = { kind: 'made', email, isGenerated: false } as const
    expect(describeAdministrator(config, made, false)).toBe(`${email}, with the password of ADMIN_PASSWORD`)
    expect(describeAdministrator(config, { kind: 'present', email }, false)).toContain('ADMIN_PASSWORD changed nothing')
  })

  test('with a generated password: shown, or in a file', async () => {
    const { config, dataDir } = await makeConfig()
    const made = { kind: 'made', email, isGenerated: true } as const
    expect(describeAdministrator(config, made, true)).toBe(
      `${email}, password as shown above, to change at the first login`,
    )
    expect(describeAdministrator(config, made, false)).toBe(
      `${email}, password in the second line of ${dataDir}/initial-admin-password, to change at the first login`,
    )
  })

  test('an account without the role: none is created, and the text says what to do', async () => {
    const { config } = await makeConfig()
    const text = describeAdministrator(config, { kind: 'not_an_administrator', email }, false)
    expect(text).toMatch(/^none created: .* users create --admin/)
  })

  test('present before: names the file of the initial password while it exists', async () => {
    const { config, dataDir } = await makeConfig()
    const before = { kind: 'not_needed' } as const
    expect(describeAdministrator(config, before, true)).toMatch(/^exists already\. .*users create --admin/)
    await writeFile(join(dataDir, 'initial-admin-password'), '')
    expect(describeAdministrator(config, before, true)).toContain(
      `${dataDir}/initial-admin-password has the e-mail and the initial password of the first one`,
    )
  })

  test('with a shared database: that of the platform', async () => {
    const { config } = await makeConfig()
    expect(describeAdministrator(config, { kind: 'not_wanted' }, true)).toBe('as in the tables of the platform')
  })
})

test('the scanner: none, or clamd, and whether it is reachable', () => {
  const clamd = { host: 'scanner.example', port: 3310 }
  expect(describeScanner({ clamd: undefined }, false)).toMatch(/^not set; .*CLAMD_URL/)
  expect(describeScanner({ clamd }, true)).toBe('clamd at scanner.example:3310, reachable')
  expect(describeScanner({ clamd: { path: '/run/clamd.sock' } }, false)).toMatch(
    /^clamd at \/run\/clamd\.sock, unreachable; /,
  )
})

describe('the storage', () => {
  const reachable = { outage: undefined, trouble: undefined, hasPlaceholders: false }
  const withoutKeys = { ...reachable, outage: { trouble: 'no_credentials' } } as const
  const toS3 = { USE_S3_STORAGE: 'true' }
  const toS3Alone = { ...toS3, S3_FALLBACK: 'off' }

  test.each([
    [{}, reachable, 'local ./files (USE_S3_STORAGE is false)'],
    [toS3, withoutKeys, 'local as fallback ./files (AWS credentials not found)'],
    [toS3Alone, withoutKeys, 'none, uploads fail (AWS credentials not found, and S3_FALLBACK is off)'],
    [toS3, reachable, 'S3 paniq-system-dev, af-south-1, reachable'],
  ])('%o', (settings, state, expected) => {
    expect(describeWith(settings, state)).toBe(expected)
  })

  test('placeholders that were never replaced are named', () => {
    expect(describeWith(toS3, { ...withoutKeys, hasPlaceholders: true })).toBe(
      'local as fallback ./files (AWS credentials not found: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are still the placeholders of .env.example)',
    )
  })

  test.each([
    [toS3, 'Until then, new files are stored in ./files.'],
    [toS3Alone, 'Until then, uploads fail (S3_FALLBACK is off).'],
  ])('an unreachable S3 comes with what to do, and what happens until then: %o', (settings, meanwhile) => {
    const trouble = { message: 'Bucket does not exist', advice: 'Create it.' }
    expect(describeWith(settings, { ...reachable, outage: { trouble: 'no_bucket' }, trouble })).toBe(
      `S3 paniq-system-dev, af-south-1, not reachable: Bucket does not exist. Create it. ${meanwhile}`,
    )
  })

  test('a folder outside the working directory is an absolute path', () => {
    expect(describeWith({ UPLOADS_DIR: '/srv/files' }, reachable)).toContain('local /srv/files ')
  })
})

test.each([
  ['::', 'http://[::]:8000', 'http://localhost:8000'],
  ['0.0.0.0', 'http://127.0.0.1:8000', 'http://localhost:8000'],
  ['127.0.0.1', 'http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
  ['::1', 'http://[::1]:8000', 'http://[::1]:8000'],
])('listening on %s, the address to open can be called', (host, listening, expected) => {
  expect(addressToOpen(host, listening)).toBe(expected)
})

test('the start block says where mail goes, without the password', () => {
  expect(describeMail(loadConfig({}))).toContain('off')
  const settings = { SMTP_URL: 'smtp://paniq:hunter2-secret@mail.example:587', PUBLIC_URL: 'https://documents.example' }
  const described = describeMail(loadConfig(settings))
  expect(described).toContain('mail.example, port 587, from no-reply@documents.example')
  expect(described).not.toMatch(/hunter2|paniq:/)
})

test('the first call is one line for a shell', () => {
  expect(firstCall('http://127.0.0.1:8000')).toMatch(
    /^curl -sS http:\/\/127\.0\.0\.1:8000\/\S+ -H '[^'\n]+' -d '[^'\n]+'$/,
  )
})

async function makeConfig(): Promise<{ config: Config; dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'paniq-start-'))
  onTestFinished(async () => rm(dataDir, { recursive: true }))
  return { config: loadConfig({ DATA_DIR: dataDir }), dataDir }
}

function describeWith(settings: Record<string, string>, state: Parameters<typeof describeStorage>[1]): string {
  return describeStorage(loadConfig({ UPLOADS_DIR: 'files', ...settings }), state)
}
