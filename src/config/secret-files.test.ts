import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, it } from 'vitest'

import { readSecretFiles, secretNames } from './secret-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'paniq-secrets-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileWith(text: string): string {
  const path = join(folder, `secret-${text.length}`)
  writeFileSync(path, text)
  return path
}

it.each(secretNames)('%s can be given as a file', (name) => {
  const environment: Record<string, string | undefined> = { [`${name}_FILE`]: fileWith('a secret of some length\n') }
  readSecretFiles(environment)
  expect(environment[name]).toBe('a secret of some length')
})

it('a placeholder of .env.example does not count as a second value', () => {
  const environment = { JWT_SECRET_KEY: 'your-jwt-secret-key', JWT_SECRET_KEY_FILE: fileWith('a secret') }
  readSecretFiles(environment)
  expect(environment.JWT_SECRET_KEY).toBe('a secret')
})

it('a secret given twice is rejected, without naming its value', () => {
  const environment = { JWT_SECRET_KEY: 'the-first-value', JWT_SECRET_KEY_FILE: fileWith('the second value') }
  expect(() => readSecretFiles(environment)).toThrow(
    'JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are both set. Set one of them.',
  )
})

it('a missing file is rejected with its setting', () => {
  expect(() => readSecretFiles({ DATABASE_URL_FILE: join(folder, 'missing') })).toThrow(
    'DATABASE_URL_FILE: the file cannot be read (ENOENT).',
  )
})

it('an empty file is rejected', () => {
  expect(() => readSecretFiles({ DATABASE_URL_FILE: fileWith('\n') })).toThrow('DATABASE_URL_FILE: the file is empty.')
})
