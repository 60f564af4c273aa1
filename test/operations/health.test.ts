import { rename } from 'node:fs/promises'

import { afterEach, expect, test, vi } from 'vitest'

import { buildApi } from '../../src/bin/api.ts'
import type { ReadinessShape } from '../../src/contract/operations.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { serviceBehindProxies } from '../support/service/service-behind-proxies.ts'
import { startService } from '../support/service/start-service.ts'

const scene = serviceBehindProxies()
afterEach(async () => {
  scene.toS3.setFault({ kind: 'none' })
  scene.toDatabase.setFault({ kind: 'none' })
  // So that the next test does not get a cached answer.
  await vi.waitUntil(async () => (await ready()).body.status === 'ready', { timeout: 30_000, interval: 200 })
})

async function ready(url = scene.service.url): Promise<{ status: number; body: ReadinessShape; text: string }> {
  const response = await fetch(`${url}/readyz`)
  const text = await response.text()
  return { status: response.status, body: JSON.parse(text) as ReadinessShape, text }
}

/** The answer after the cached one has expired. */
async function hearsOf(check: keyof ReadinessShape['checks']) {
  const failed = async () => (await ready()).body.checks[check].state
  await expect.poll(failed, { timeout: 30_000, interval: 200 }).toBe('failed')
  return ready()
}

test('if all dependencies answer: ready', async () => {
  await expect
    .poll(() => ready())
    .toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        checks: { database: { state: 'ok' }, s3: { state: 'ok' }, local: { state: 'ok' } },
      },
    })
})

test.each(['refuse', 'hang'] as const)(
  'if S3 does %s: degraded, since new files are stored locally, with a plain sentence',
  async (kind) => {
    scene.toS3.setFault({ kind })
    await scene.toS3.cutAll()

    const { status, body, text } = await hearsOf('s3')

    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'degraded', checks: { database: { state: 'ok' }, local: { state: 'ok' } } })
    expect(body.checks.s3.message).toBe(
      'S3 does not answer: new files are stored locally and move to S3 later; files in S3 cannot be downloaded.',
    )
    for (const secret of [scene.bucket.name, '127.0.0.1', scene.bucket.s3.app.accessKeyId, 'ECONN', 'Timeout'])
      expect(text).not.toContain(secret)
  },
)

test.each(['refuse', 'hang'] as const)('if the database does %s: unavailable, and still alive', async (kind) => {
  scene.toDatabase.setFault({ kind })
  await scene.toDatabase.cutAll()

  const { status, body, text } = await hearsOf('database')
  const alive = await fetch(`${scene.service.url}/healthz`)

  expect(status).toBe(503)
  expect(body).toMatchObject({ status: 'unavailable', checks: { s3: { state: 'ok' } } })
  expect(text).not.toMatch(/127\.0\.0\.1|postgres|ECONN|paniq_test/)
  expect(alive.status).toBe(200)
  expect(await alive.json()).toEqual({ status: 'ok' })
})

function countS3Operations(): number {
  return scene.service.logLines.filter((line) => line.includes('"s3_operation"')).length
}

test('continuous readiness requests call S3 only now and then', async () => {
  const before = countS3Operations()

  for (let round = 0; round < 50; round += 1) await Promise.all([ready(), ready(), ready(), ready()])

  // A missing key costs two calls. On a slow machine the cached answer may expire a few times.
  expect(countS3Operations() - before).toBeLessThan(20)
})

test('a failed check is logged with its cause', async () => {
  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
  await hearsOf('s3')

  const logged = scene.service.logLines
    .map((line) => JSON.parse(line))
    .filter((line) => line.event === 'readiness_check_failed')
  expect(logged.at(-1)).toMatchObject({ level: 'warn', check: 's3', err: { message: expect.stringContaining('S3') } })
})

test.each([
  ['local', 200, 'degraded', 'new files are stored locally'],
  ['off', 503, 'unavailable', 'files cannot be uploaded'],
])('a missing bucket, with the fallback %s: %i', async (fallback, status, word, then) => {
  const elsewhere = await startService({
    ...s3Settings(scene.bucket),
    AWS_S3_BUCKET: `${scene.bucket.name}-none`,
    S3_FALLBACK: fallback,
  })
  const heard = await ready(elsewhere.url)
  await elsewhere.stop()

  expect(heard).toMatchObject({ status, body: { status: word, checks: { s3: { state: 'failed' } } } })
  expect(heard.body.checks.s3.message).toContain(then)
})

test('S3 and the local disk are down: nothing can be uploaded', async () => {
  const elsewhere = await startService({ ...s3Settings(scene.bucket), AWS_S3_BUCKET: `${scene.bucket.name}-none` })
  await rename(`${elsewhere.folder}/uploads`, `${elsewhere.folder}/elsewhere`)
  const heard = await ready(elsewhere.url)
  await elsewhere.stop()

  expect(heard).toMatchObject({ status: 503, body: { status: 'unavailable' } })
  expect(heard.body.checks.s3.message).toContain('files cannot be uploaded')
})

test('after a shutdown signal: stopping, at once', async () => {
  const local = await startService()
  const ending = new AbortController()
  const server = await buildApi(local.app, { maxSilenceSeconds: 30 }, ending.signal)
  ending.abort()
  const answer = await server.inject('/readyz')
  await server.close()
  await local.stop()

  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toMatchObject({ status: 'stopping' })
})

test('with local storage: ready without S3', async () => {
  const local = await startService()
  const heard = await ready(local.url)
  await local.stop()

  expect(heard).toMatchObject({
    status: 200,
    body: { status: 'ready', checks: { s3: { state: 'not_used' }, local: { state: 'ok' } } },
  })
})

test('an outage of S3 without new files there: its files are unavailable, the rest works', async () => {
  const settings = { ...s3Settings(scene.bucket), USE_S3_STORAGE: 'false', AWS_S3_BUCKET: `${scene.bucket.name}-none` }
  const local = await startService(settings)
  const heard = await ready(local.url)
  await local.stop()

  expect(heard).toMatchObject({ status: 200, body: { status: 'degraded', checks: { s3: { state: 'failed' } } } })
})

test.each([
  ['local', 200, 'degraded'],
  ['off', 503, 'unavailable'],
])('S3 without credentials, with the fallback %s: %i', async (fallback, status, word) => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined)
  // Without the credential files of this machine and the metadata of a cloud.
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent')
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  const without = await startService({ USE_S3_STORAGE: 'true', S3_FALLBACK: fallback })
  vi.unstubAllEnvs()
  const heard = await ready(without.url)
  await without.stop()

  expect(heard).toMatchObject({ status, body: { status: word, checks: { s3: { state: 'failed' } } } })
  expect(heard.body.checks.s3.message).toContain('there are no credentials')
})

test('a missing local disk: unavailable if new files are stored there', async () => {
  const local = await startService()
  await rename(`${local.folder}/uploads`, `${local.folder}/elsewhere`)
  const heard = await ready(local.url)
  await local.stop()

  expect(heard).toMatchObject({ status: 503, body: { status: 'unavailable', checks: { local: { state: 'failed' } } } })
  expect(heard.text).not.toContain(local.folder)
})
