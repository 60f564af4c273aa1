import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { reachableStores } from '../../src/documents/stores/reachable-stores.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { createStoreClaimer } from '../../src/worker/local-disk-tasks.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import { verifySample } from '../../src/worker/jobs.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { freshBucket, type FreshBucket } from '../support/s3/fresh-bucket.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { inTwoDays, runVerify } from '../support/verifying/run-verify.ts'
import { bucketInHand, diskInHand } from '../support/verifying/test-store.ts'

// As in production, the service's role owns nothing, so a verification needs all its grants.
let database: TwoRoles
let bucket: FreshBucket
let service: TestService
let firmId: FirmId
let member: Person
beforeAll(async () => {
  database = await freshDatabaseOfTwoRoles()
  bucket = await freshBucket()
  service = await startService({ ...s3Settings(bucket), ...database.settings })
  member = await makeMember(service.app, (firmId = await makeFirm(service.app)))
})
afterAll(async () => {
  await service.stop()
  await database.remove()
  await bucket.remove()
})
afterEach(async () => {
  for (const { files } of reachableStores(service.app.stores)) {
    for await (const { key } of files.list('')) await files.remove(key)
  }
  await sql`delete from documents`.execute(service.app.db)
})

const freshKey = () => storageKeyOf({ firmId, documentType: 'tax_clearance', uuid: randomUUID(), extension: 'pdf' })
const eventsOf = (event: string) => service.logLines.filter((line) => line.includes(`"event":"${event}"`))

it('every instance reports the findings of the daily verification until the next one has none', async () => {
  await uploadDocument(service.url, firmId, member)
  expect(
    (await readMetrics(service.url)).valueOf('paniq_documents_verification_last_finished_timestamp_seconds'),
  ).toBeUndefined()
  const key = freshKey()
  await bucketInHand(bucket).put(key, Buffer.from('nobody knows'))

  const found = await verifySample.run(service.app, AbortSignal.timeout(60_000))
  const other = await startService({ ...s3Settings(bucket), ...database.settings })
  const figures = await readMetrics(other.url)
  await other.stop()

  expect(found).toMatchObject({ complete: true, orphan: 1, missing: 0, wrong: 0 })
  expect(figures.valueOf('paniq_documents_verification_findings', 'kind="orphan"')).toBe(1)
  expect(figures.valueOf('paniq_documents_verification_last_finished_timestamp_seconds')).toBeGreaterThan(
    Date.now() / 1000 - 600,
  )
  expect(eventsOf('verify_finding').join()).toContain(key)

  await bucketInHand(bucket).remove(key)
  await verifySample.run(service.app, AbortSignal.timeout(60_000))
  await expect
    .poll(async () =>
      (await readMetrics(service.url)).valueOf('paniq_documents_verification_findings', 'kind="orphan"'),
    )
    .toBe(0)
})

it('the read bytes are counted', async () => {
  const { file_size: size } = await uploadDocument(service.url, firmId, member)
  const before = (await readMetrics(service.url)).valueOf('paniq_documents_verified_bytes_total') ?? Number.NaN

  await runVerify(service.app)

  expect((await readMetrics(service.url)).valueOf('paniq_documents_verified_bytes_total')).toBe(before + size)
})

it('is due every day, and not at each start', async () => {
  const worker = await startWorker(service.app)
  const { rows: due } = await sql<{ name: string }>`select key as name from document_jobs.schedule`.execute(
    service.app.db,
  )
  // Except a job that the schedule enqueues in this very minute.
  const { rows: waiting } = await sql<{ name: string }>`
    select singleton_key as name from document_jobs.job where name = 'maintenance' and singleton_on is not null`.execute(
    service.app.db,
  )
  await worker.close()

  expect(due.map(({ name }) => name)).toContain('verify-sample')
  expect(waiting.map(({ name }) => name)).toContain('housekeeping')
  expect(waiting.map(({ name }) => name)).not.toContain('verify-sample')
})

it('ends early on a shutdown signal', async () => {
  const started = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<unknown>()
  const long = {
    name: 'a-long-job',
    description: 'Waits for its end.',
    schedule: '0 0 1 1 *',
    run: async (_needs: unknown, signal: AbortSignal) => {
      started.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      ended.resolve(signal.reason)
      return {}
    },
  }
  const worker = await startWorker(service.app, [long])
  await started.promise
  await worker.close()

  expect(await ended.promise).toMatchObject({ message: 'The worker is ending.' })
})

it('a repair works with the service’s own rights', async () => {
  const key = freshKey()
  await bucketInHand(bucket).put(key, Buffer.from('nobody knows'))

  expect(await runVerify(inTwoDays(service.app), { repairs: 'many' })).toMatchObject({ isRight: true })
})

it('each store records its owner: the first installation that uses it, and never another', async () => {
  const { id } = await service.app.db.selectFrom('document_installation').select('id').executeTakeFirstOrThrow()
  const others = await startService(s3Settings(bucket))
  await createStoreClaimer(service.app)()
  const claim = createStoreClaimer(others.app)
  await claim()
  await claim()

  for (const hand of [bucketInHand(bucket), diskInHand(service)])
    expect(JSON.parse(String(await hand.get('paniq-documents.json')))).toEqual({ installation_id: id })
  const alarms = others.logLines.filter((line) => line.includes('store_of_another_installation'))
  expect(alarms.map((line) => (JSON.parse(line) as { store: string }).store)).toEqual(['s3'])
  expect(await runVerify(others.app, { repairs: 'few' })).toMatchObject({
    notes: expect.arrayContaining([expect.stringContaining('another installation')]) as unknown,
  })
  await others.stop()
})

it('of two installations that claim a bucket at once one succeeds', async () => {
  const empty = await freshBucket()
  const both = await Promise.all([startService(s3Settings(empty)), startService(s3Settings(empty))])
  const ids = [randomUUID(), randomUUID()]

  const owners = await Promise.all(
    both.map(async ({ app }, index) => Promise.resolve(app.stores.s3?.ownership.claim(ids[index] ?? ''))),
  )

  expect(new Set(owners).size).toBe(1)
  expect(ids).toContain(owners[0])
  for (const each of both) await each.stop()
  await empty.remove()
})

it('a bucket that is only reachable is not claimed by an installation that stores its files locally', async () => {
  const empty = await freshBucket()
  const local = await startService({ ...s3Settings(empty), USE_S3_STORAGE: 'false' })
  await bucketInHand(empty).put(freshKey(), Buffer.from('nobody knows'))

  const done = await runVerify(inTwoDays(local.app), { repairs: 'many' })

  expect(await bucketInHand(empty).get('paniq-documents.json')).toBeUndefined()
  expect(done).toMatchObject({ findings: { orphan: 1, quarantined: 0 } })
  expect(done.notes.join()).toContain('belongs to no installation')
  await local.stop()
  await empty.remove()
})
