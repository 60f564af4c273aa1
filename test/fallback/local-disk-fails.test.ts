import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Settings } from '../support/cli/run-command.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { type FreshDatabase, freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { type ServiceOnSmallDisk, serveOnSmallDisk } from './small-disk.ts'

const megabyte = 1024 * 1024

let database: FreshDatabase
/** Creates people and reads the rows of the service under test, with which it shares the database. */
let beside: TestService
let firmId: Awaited<ReturnType<typeof makeFirm>>
let member: Person
let settings: Settings

beforeAll(async () => {
  database = await freshMigratedDatabase()
  const jwt = { JWT_SECRET_KEY: 'a secret for tests that nobody else has' }
  settings = { ...jwt, DATABASE_URL: database.url, MAX_UPLOAD_BYTES: '60000000' }
  beside = await startService(settings)
  firmId = await makeFirm(beside.app)
  member = await makeMember(beside.app, firmId)
})
afterAll(async () => {
  await beside.stop()
  await database.drop()
})

const nowhereOnS3: Settings = {
  USE_S3_STORAGE: 'true',
  AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9',
  AWS_ACCESS_KEY_ID: 'a-key',
  AWS_SECRET_ACCESS_KEY: 'a-secret',
}

describe.each([
  ['as the store', {}],
  ['as the fallback of an S3 that is out', nowhereOnS3],
])('a local disk %s', (_as, more: Settings) => {
  test('that is full: 503 and nothing stored; smaller files are accepted and stored files are served', async () => {
    const service = await serveOnOwn(2 * megabyte, { ...settings, ...more })
    const kept = makePdf({ bytes: megabyte })
    const { id } = await uploadDocument(service.url, firmId, member, { bytes: kept })
    const before = await everythingOf(service)

    const refused = await uploadFile(service.url, firmId, member, { bytes: makePdf({ bytes: 1.5 * megabyte }) })

    expect(refused.status).toBe(503)
    expect(await problemOf(refused)).toMatchObject({ code: 'store_unavailable' })
    expect(refused.headers.get('retry-after')).not.toBeNull()
    expect(await everythingOf(service)).toEqual(before)
    expect((await uploadFile(service.url, firmId, member, { bytes: makePdf({ bytes: 100_000 }) })).status).toBe(201)
    const download = await callDocuments(service.url, firmId, member, `/${id}/download`)
    expect(Buffer.from(await download.arrayBuffer()).equals(kept)).toBe(true)
  })

  test('that is full, for a file too large for memory: 503 and nothing stored', async () => {
    const service = await serveOnOwn(4 * megabyte, { ...settings, ...more })
    const before = await everythingOf(service)

    const refused = await uploadFile(service.url, firmId, member, { bytes: makePdf({ bytes: 20 * megabyte }) })

    expect(refused.status).toBe(503)
    expect(await everythingOf(service)).toEqual(before)
  })

  test('that became read-only: 503 and nothing stored; stored files are served, and it recovers by itself', async () => {
    const service = await serveOnOwn(4 * megabyte, { ...settings, ...more })
    const { id } = await uploadDocument(service.url, firmId, member)
    const before = await everythingOf(service)
    // Rejected while the service still has a written file open.
    await expect.poll(() => service.onDisk('mount -o remount,ro "$0"').catch(String)).toBe('')

    const refused = await uploadFile(service.url, firmId, member)

    expect(refused.status).toBe(503)
    expect(await everythingOf(service)).toEqual(before)
    expect((await callDocuments(service.url, firmId, member, `/${id}/download`)).status).toBe(200)

    await service.onDisk('mount -o remount,rw "$0"')
    expect((await uploadFile(service.url, firmId, member)).status).toBe(201)
  })
})

test('a spool uses at most half of the free space: 503 and nothing stored, and a file that fits is accepted', async () => {
  const service = await serveOnOwn(50 * megabyte, settings, 'DATA_DIR')
  const before = await everythingOf(service)

  const refused = await uploadFile(service.url, firmId, member, { bytes: makePdf({ bytes: 30 * megabyte }) })

  expect(refused.status).toBe(503)
  expect(await problemOf(refused)).toMatchObject({ code: 'store_unavailable' })
  expect(refused.headers.get('retry-after')).toBe('30')
  expect(await everythingOf(service)).toEqual(before)
  expect((await uploadFile(service.url, firmId, member, { bytes: makePdf({ bytes: 20 * megabyte }) })).status).toBe(201)
})

/** The service records the owner of the disk asynchronously. */
async function serveOnOwn(...how: Parameters<typeof serveOnSmallDisk>): Promise<ServiceOnSmallDisk> {
  const service = await serveOnSmallDisk(...how)
  await expect.poll(async () => service.onDisk('ls "$0"')).toContain('paniq-documents.json')
  return service
}

/**
 * All rows that an upload may leave except its event and the names of possible bytes on S3, and all files on the disk.
 */
async function everythingOf(service: ServiceOnSmallDisk) {
  const { db } = beside.app
  return {
    documents: await db.selectFrom('documents').select('id').orderBy('id').execute(),
    versions: await db.selectFrom('document_versions').select('id').orderBy('id').execute(),
    platformRows: await db.selectFrom('firm_documents').select('id').orderBy('id').execute(),
    blobs: await db
      .selectFrom('document_blobs')
      .select(['id', 'state'])
      .where('store', '=', 'local')
      .orderBy('id')
      .execute(),
    files: await service.onDisk('find "$0" -type f | sort'),
  }
}
