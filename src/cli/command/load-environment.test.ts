import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { loadEnvironment } from './load-environment.ts'

test('the file adds settings that the environment lacks, and the source of each is known', async () => {
  const environment = { PORT: '8001' }
  const { sourceOf } = await loadEnvironment(environment, await writeEnv('PORT=9000\nAWS_PROFILE="documents"\n'))
  expect(environment).toEqual({ PORT: '8001', AWS_PROFILE: 'documents' })
  expect([sourceOf('PORT'), sourceOf('AWS_PROFILE')]).toEqual(['the environment', '.env'])
})

test('an empty value or a placeholder in the environment does not hide a value of the file', async () => {
  const environment = { AWS_S3_BUCKET: '', AWS_PROFILE: ' ', JWT_SECRET_KEY: 'your-jwt-secret-key' }
  const file = await writeEnv('AWS_S3_BUCKET=documents\nAWS_PROFILE=keeper\nJWT_SECRET_KEY=a-real-one\n')
  const { sourceOf } = await loadEnvironment(environment, file)
  expect(environment).toEqual({ AWS_S3_BUCKET: 'documents', AWS_PROFILE: 'keeper', JWT_SECRET_KEY: 'a-real-one' })
  expect(sourceOf('AWS_S3_BUCKET')).toBe('.env')
})

test('placeholders are removed from the environment, where the SDK would find them', async () => {
  const environment = { AWS_ACCESS_KEY_ID: 'your-access-key-id', AWS_SECRET_ACCESS_KEY: 'a-real-one' }
  await loadEnvironment(environment, await writeEnv('AWS_SESSION_TOKEN=your-session-token\n'))
  expect(environment).toEqual({ AWS_SECRET_ACCESS_KEY: 'a-real-one' })
})

test('without a file, only the environment counts', async () => {
  const environment = {}
  await loadEnvironment(environment, join(tmpdir(), 'paniq-no-such-folder', '.env'))
  expect(environment).toEqual({})
})

test('a file that cannot be read is an error', async () => {
  await expect(loadEnvironment({}, tmpdir())).rejects.toThrow(/cannot be read \(EISDIR\)/)
})

async function writeEnv(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-env-'))
  onTestFinished(async () => rm(folder, { recursive: true }))
  const file = join(folder, '.env')
  await writeFile(file, text)
  return file
}
