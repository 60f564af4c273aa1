import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { requireS3 } from '../../src/cli/command/require-s3.ts'
import { moveAll, type MoveResult } from '../../src/documents/moving/move-all.ts'
import { ownerFileName } from '../../src/storage/owner-file.ts'
import { createStoreClaimer } from '../../src/worker/local-disk-tasks.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { freshBucket, type FreshBucket } from '../support/s3/fresh-bucket.ts'
import { freshMigratedDatabase, type FreshDatabase } from '../support/database/fresh-database.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { runVerify } from '../support/verifying/run-verify.ts'
import { bucketInHand } from '../support/verifying/test-store.ts'

// A wrong AWS_S3_BUCKET: the documents are safe in one bucket, and the service uses another.
let database: FreshDatabase
let right: FreshBucket
let wrong: FreshBucket
let firmId: string
let member: Person
let document: DocumentShape
let key: string
let service: TestService

beforeAll(async () => {
  database = await freshMigratedDatabase()
  right = await freshBucket()
})
afterAll(async () => {
  await right.remove()
  await database.drop()
})
beforeEach(async () => {
  wrong = await freshBucket()
  service = await startWith(right)
  await createStoreClaimer(service.app)()
  member = await makeMember(service.app, (firmId = await makeFirm(service.app)))
  document = await uploadDocument(service.url, firmId, member)
  key = await keyOf()
})
afterEach(async () => {
  await service.stop()
  await wrong.remove()
})

async function startWith(bucket: FreshBucket): Promise<TestService> {
  return startService({ ...s3Settings(bucket), DATABASE_URL: database.url })
}

/** The same service with another bucket. */
async function restartWith(bucket: FreshBucket): Promise<void> {
  await service.stop()
  service = await startWith(bucket)
}

async function keyOf(): Promise<string> {
  const row = await service.app.db
    .selectFrom('document_versions')
    .select('storage_key')
    .where('document_id', '=', sql<DocumentId>`${document.id}`)
    .executeTakeFirstOrThrow()
  return row.storage_key
}

async function statesNow(): Promise<string[]> {
  const rows = await service.app.db.selectFrom('document_versions').select('bytes_state').distinct().execute()
  return rows.map(({ bytes_state }) => bytes_state)
}

const download = () => callDocuments(service.url, firmId, member, `/${document.id}/download`)

it('a verification marks nothing missing in a foreign bucket, reports it once, and does not claim it', async () => {
  await restartWith(wrong)

  const verified = await runVerify(service.app)

  expect(verified).toMatchObject({ isRight: false, findings: { missing: 0, wrong: 0, unchecked: 1 } })
  expect(verified.list[0]?.why).toContain('AWS_S3_BUCKET')
  expect(await statesNow()).toEqual(['present'])
  expect(await bucketInHand(wrong).get(ownerFileName)).toBeUndefined()
})

it('nor in another installation’s bucket', async () => {
  const other = await startService(s3Settings(wrong))
  await createStoreClaimer(other.app)()
  await other.stop()
  await restartWith(wrong)

  const verified = await runVerify(service.app)

  expect(verified.findings).toMatchObject({ missing: 0, wrong: 0, unchecked: 1 })
  expect(await statesNow()).toEqual(['present'])
})

it('a migration from there fails for each document and marks none', async () => {
  await restartWith(wrong)
  const settled: MoveResult[] = []

  await moveAll(service.app, systemActor('a test'), {
    to: 'local',
    scope: { store: 's3', storeId: null },
    removesSource: false,
    concurrency: 2,
    signal: AbortSignal.timeout(60_000),
    waitForRetry: async () => true,
    onResult: (each) => void settled.push(each),
  })

  const ours = settled.find(({ version }) => version.documentId === document.id)
  expect(ours).toMatchObject({ outcome: 'failed', error: { code: 'unavailable' } })
  expect(await statesNow()).toEqual(['present'])
})

it('a service started with it does not use S3 until a restart: new documents are stored locally, old ones return 503', async () => {
  await restartWith(wrong)
  await createStoreClaimer(service.app)()

  const added = await uploadDocument(service.url, firmId, member)
  const ready = (await (await fetch(`${service.url}/readyz`)).json()) as { status: string }

  expect(added.storage).toBe('local')
  expect(ready.status).toBe('degraded')
  expect((await download()).status).toBe(503)
  expect(service.logLines.join()).toContain('AWS_S3_BUCKET names the wrong bucket')
  expect(await listBucket(wrong.client, wrong.name)).toEqual([])
})

it('a command that moves documents reports the error before it begins', async () => {
  await restartWith(wrong)

  await expect(askForS3()).rejects.toThrow(/AWS_S3_BUCKET names the wrong bucket/)
  await restartWith(right)
  await expect(askForS3()).resolves.toBeUndefined()
})

it('after the correction of the bucket, everything is served as before', async () => {
  await restartWith(wrong)
  await runVerify(service.app)
  await restartWith(right)

  expect((await download()).status).toBe(302)
  expect((await runVerify(service.app)).isRight).toBe(true)
})

it('a bucket without an owner file that has our documents is ours: a missing document there is missing', async () => {
  await bucketInHand(right).remove(ownerFileName)
  const other = await uploadDocument(service.url, firmId, member)
  await bucketInHand(right).remove(key)
  await restartWith(right)

  const verified = await runVerify(service.app)

  expect(verified.keysOf('missing')).toEqual([key])
  expect((await download()).status).toBe(410)
  expect((await callDocuments(service.url, firmId, member, `/${other.id}/download`)).status).toBe(302)
})

async function askForS3(): Promise<void> {
  return requireS3({ ...service.app, signal: new AbortController().signal })
}
