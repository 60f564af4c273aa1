import { randomUUID } from 'node:crypto'
import { rename } from 'node:fs/promises'

import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { freshBucket, type FreshBucket } from '../support/s3/fresh-bucket.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { inTwoDays, runVerify } from '../support/verifying/run-verify.ts'

let bucket: FreshBucket
let proxy: FaultProxy
let service: TestService
let firmId: FirmId
let member: Person

beforeEach(async () => {
  bucket = await freshBucket()
  const { hostname, port } = new URL(bucket.s3.endpoint)
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  service = await startService(s3Settings(bucket, `http://127.0.0.1:${proxy.port}`))
  member = await makeMember(service.app, (firmId = await makeFirm(service.app)))
})
afterEach(async () => {
  await service.stop()
  await proxy.close()
  await bucket.remove()
})

const change = (id: string, to: ReturnType<typeof sql>) =>
  sql`update document_versions set ${to} where document_id = ${id}`.execute(service.app.db)
const statesOf = async () =>
  (await service.app.db.selectFrom('document_versions').select('bytes_state').execute()).map(
    ({ bytes_state: is }) => is,
  )
const refuse = async () => {
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
}

it('rows of another disk are not here, and neither missing nor corrupt', async () => {
  const { id } = await uploadDocument(service.url, firmId, member)
  await change(id, sql`store = 'local', store_id = ${randomUUID()}`)

  const done = await runVerify(service.app)

  expect(done).toMatchObject({ files: 0, notHere: 1, findings: { missing: 0, wrong: 0 } })
  expect(await statesOf()).toEqual(['present'])
})

it('a row of the platform whose file is not on this disk is not here', async () => {
  const { id } = await uploadDocument(service.url, firmId, member)
  await change(id, sql`store = 'local', store_id = null`)

  expect(await runVerify(service.app)).toMatchObject({ files: 1, notHere: 1, findings: { missing: 0 } })
  expect(await statesOf()).toEqual(['present'])
})

it('rows on S3 are not here if S3 is not configured', async () => {
  await uploadDocument(service.url, firmId, member)
  const { app } = service

  const done = await runVerify({ ...app, stores: { ...app.stores, s3: undefined, preferred: 'local' } })

  expect(done).toMatchObject({ isRight: true, files: 0, notHere: 1 })
})

it('an S3 outage makes nothing missing: it is reported, the command fails, and the disk is checked', async () => {
  const [onS3, onDisk] = [
    await uploadDocument(service.url, firmId, member),
    await uploadDocument(service.url, firmId, member),
  ]
  const { storeId } = service.app.stores.local
  await change(onDisk.id, sql`store = 'local', store_id = ${storeId}`)
  await refuse()

  const done = await runVerify(service.app)

  expect(done).toMatchObject({ isRight: false, isComplete: true, findings: { missing: 1, wrong: 0 } })
  expect(done.findings.unchecked).toBeGreaterThan(0)
  expect(done.keysOf('unchecked')).toContain(null)
  proxy.setFault({ kind: 'none' })
  await expect.poll(() => service.app.stores.s3?.outage()).toBeUndefined()
  expect((await callDocuments(service.url, firmId, member, `/${onS3.id}/download`)).status).toBe(302)
})

it('an S3 that returns during the wait is read to its end', async () => {
  for (let count = 0; count < 5; count += 1) await uploadDocument(service.url, firmId, member)
  const { s3 } = service.app.stores
  if (s3 === undefined) throw new Error('this service has no S3')
  let reads = 0
  const interrupted = {
    ...s3,
    async read(...read: Parameters<typeof s3.read>) {
      reads += 1
      if (reads === 3) await refuse()
      return s3.read(...read)
    },
  }
  const needs = { ...service.app, stores: { ...service.app.stores, s3: interrupted } }

  const done = await runVerify(needs, {
    patienceMs: 60_000,
    onWaiting: (state) => state === 'waiting' && proxy.setFault({ kind: 'none' }),
  })

  expect(done).toMatchObject({ isRight: true, files: 5, findings: { unchecked: 0, missing: 0 } })
})

it('an unmounted disk makes nothing missing', async () => {
  const { id } = await uploadDocument(service.url, firmId, member)
  await change(id, sql`store = 'local', store_id = ${service.app.stores.local.storeId}`)
  const uploads = `${service.folder}/uploads`
  await rename(uploads, `${uploads}-away`)

  const done = await runVerify(service.app)
  await rename(`${uploads}-away`, uploads)

  expect(done).toMatchObject({ isRight: false, findings: { missing: 0, wrong: 0 } })
  expect(done.findings.unchecked).toBeGreaterThan(0)
  expect(await statesOf()).toEqual(['present'])
})

it('a file on the fallback disk for more than a day is named, on any disk', async () => {
  const [here, there] = [
    await uploadDocument(service.url, firmId, member),
    await uploadDocument(service.url, firmId, member),
  ]
  await change(here.id, sql`store = 'local', store_id = ${service.app.stores.local.storeId}, is_fallback = true`)
  await change(there.id, sql`store = 'local', store_id = ${randomUUID()}, is_fallback = true`)

  expect((await runVerify(service.app)).findings.late_fallback).toBe(0)
  await change(here.id, sql`bytes_state = 'present'`)
  const done = await runVerify(inTwoDays(service.app), { reads: false })

  expect(done.isRight).toBe(false)
  expect(
    done.list.filter(({ kind }) => kind === 'late_fallback').map(({ document }) => document?.documentId),
  ).toContain(there.id)
})

it('a verification with a shutdown signal is reported as incomplete, and does not count as the last one', async () => {
  await uploadDocument(service.url, firmId, member)

  const done = await runVerify(service.app, { signal: AbortSignal.abort() })

  expect(done).toMatchObject({ isRight: false, isComplete: false })
  expect(await service.app.db.selectFrom('document_verifications').selectAll().execute()).toEqual([])
})
