import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'

import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { impatient, logged, versionsOf } from '../support/fallback/failing-s3.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

let bucket: FreshBucket
let folder: string
let credentialsFile: string
let configFile: string
beforeAll(async () => {
  bucket = await freshBucket()
  folder = await makePassableFolder('paniq-credentials-')
  credentialsFile = join(folder, 'credentials')
  configFile = join(folder, 'config')
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', credentialsFile)
  vi.stubEnv('AWS_CONFIG_FILE', configFile)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await bucket.remove()
  await rm(folder, { recursive: true })
})

/** S3 is configured, and only the SDK's credential chain could have credentials. */
async function startWithoutCredentials(fallback: string) {
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...settings } = s3Settings(bucket)
  const service = await startService({ ...settings, S3_FALLBACK: fallback }, impatient)
  onTestFinished(() => service.stop())
  return service
}

test('without credentials files are stored locally with a warning, and move to S3 without a restart once there are some', async () => {
  const service = await startWithoutCredentials('local')
  expect(logged(service, 's3_out')).toMatchObject([{ level: 'warn', msg: 'AWS credentials not found' }])
  const { firm, admin } = await firmWithAdmin(service)
  expect(await uploadDocument(service.url, firm, admin)).toMatchObject({ storage: 'local' })
  expect(await versionsOf(service, firm)).toMatchObject([{ store: 'local', is_fallback: true }])
  expect(logged(service, 's3_upload_failed')).toMatchObject([{ reason: 'no_credentials' }])

  const { accessKeyId, secretAccessKey } = bucket.s3.app
  await writeFile(
    credentialsFile,
    `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  )
  onTestFinished(() => rm(credentialsFile))

  await expect.poll(() => service.app.stores.s3?.outage()).toBeUndefined()
  const after = await uploadDocument(service.url, firm, admin)
  expect(after).toMatchObject({ storage: 's3' })
  const download = await callDocuments(service.url, firm, admin, `/${after.id}/download`, { redirect: 'follow' })
  expect(download.status).toBe(200)

  service.app.stores.s3?.reportOutage('no_answer', 'ECONNREFUSED')
  expect(logged(service, 's3_out')).toMatchObject([{ level: 'warn' }, { level: 'error', trouble: 'no_answer' }])
})

test('while the credentials expire too soon to sign a link, a download gets 503', async () => {
  const { accessKeyId, secretAccessKey } = bucket.s3.app
  const program = join(folder, 'give-credentials.sh')
  const given = { Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Expiration: 'SOON' }
  await writeFile(
    program,
    `soon=$(date -u -d '+20 seconds' +%FT%TZ)\nsed "s/SOON/$soon/" <<'end'\n${JSON.stringify(given)}\nend\n`,
  )
  await writeFile(configFile, `[default]\ncredential_process = sh ${program}\n`)
  onTestFinished(() => rm(configFile))
  const service = await startWithoutCredentials('local')
  const { firm, admin } = await firmWithAdmin(service)
  const { id, storage } = await uploadDocument(service.url, firm, admin)
  expect(storage).toBe('s3')

  for (const accept of ['*/*', 'application/json']) {
    const answer = await callDocuments(service.url, firm, admin, `/${id}/download`, { headers: { accept } })
    const { code } = await problemOf(answer)
    expect([answer.status, code, answer.headers.get('retry-after')]).toEqual([503, 'store_unavailable', '30'])
  }
})

test('without credentials and without fallback, uploads are rejected', async () => {
  const service = await startWithoutCredentials('off')
  const { firm, admin } = await firmWithAdmin(service)
  expect((await uploadFile(service.url, firm, admin)).status).toBe(503)
  expect(await versionsOf(service, firm)).toEqual([])
})
