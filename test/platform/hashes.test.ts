import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { listVersionsIn, type VersionCursor } from '../../src/database/documents/versions-in-store.ts'
import { reachableStores } from '../../src/documents/stores/reachable-stores.ts'
import { fillHashes, type HashFilling } from '../../src/documents/verifying/check-versions.ts'
import { hashPlatformDocuments } from '../../src/worker/jobs.ts'
import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { callDocuments, problemOf } from '../support/documents/call-documents.ts'
import {
  deleteDocumentRow,
  insertDocumentRow,
  insertPlatformDocument,
  type PlatformDocument,
  platformKey,
  putPlatformFile,
  updateDocumentRow,
} from '../support/platform/platform-documents.ts'
import { runVerify } from '../support/verifying/run-verify.ts'
import { rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'
import { sha256Of } from '../support/files/sha256-of.ts'

const beside = serviceBeside()

const app = () => beside.service.app
const never = new AbortController().signal
/** An hour old: the job skips the newest rows, whose files may not be written yet. */
const created_at = new Date(Date.now() - 60 * 60 * 1000)
const insert = (wish: Parameters<typeof insertPlatformDocument>[3] = {}) =>
  insertPlatformDocument(beside.platform, beside.files, beside.firm, { ...wish, row: { created_at, ...wish.row } })
const onDisk = () => `uploads/${platformKey(beside.firm)}`
const untilHashed = (id: string) => expect.poll(async () => (await stateOf(id))?.['sha256']).not.toBeNull()
const stateOf = async (id: string) => (await rowsOf(beside.service, id)).versions.at(-1)
const runJob = () => hashPlatformDocuments.run(app(), never)
const fill = (store: 's3' | 'local', wish: Partial<HashFilling> = {}, needs = app()) => {
  const here = reachableStores(app().stores).find((each) => each.store === store)
  if (here === undefined) throw new Error('this store is not set up')
  return fillHashes(needs, systemActor('a test'), { here, concurrency: 2, patienceMs: 0, signal: never, ...wish })
}
const removeObject = ({ filePath }: PlatformDocument) =>
  beside.bucket.client.send(new DeleteObjectCommand({ Bucket: beside.bucket.name, Key: filePath }))
const wrongBytes = async (state: string) =>
  (await readMetrics(beside.service.url)).valueOf('paniq_documents_damaged_versions_total', `state="${state}"`)

it('on S3 are calculated by the job; a second run finds nothing to do, and the newest versions wait', async () => {
  const documents = [
    await insert(),
    await insert({ filePath: platformKey(beside.firm, { extension: 'van März (2)' }) }),
  ]
  const newest = await insert({ row: { created_at: new Date() } })
  expect(await runJob()).toMatchObject({ hashed: 2, missing: 0, wrong: 0, unchecked: 0 })

  for (const { id, bytes } of documents) expect(await stateOf(id)).toMatchObject({ sha256: sha256Of(bytes) })
  expect(await stateOf(newest.id)).toMatchObject({ sha256: null, bytes_state: 'present' })
  expect(await runJob()).toMatchObject({ hashed: 0, right: 0, missing: 0, wrong: 0, unchecked: 0 })
})

it('of missing objects and objects of another length are not stored: they are reported once and return 410', async () => {
  const missing = await insertDocumentRow(beside.platform, beside.firm, { created_at })
  const longer = await insert({ row: { file_size: 1 } })
  expect(await runJob()).toMatchObject({ missing: 1, wrong: 1 })

  expect([(await stateOf(missing))?.['bytes_state'], (await stateOf(longer.id))?.['bytes_state']]).toEqual([
    'missing',
    'wrong',
  ])
  const answer = await callDocuments(beside.service.url, beside.firm, beside.admin, `/${missing}/download`)
  expect((await problemOf(answer)).code).toBe('gone')
  expect(await runJob()).toMatchObject({ missing: 0, wrong: 0 })
})

it('on a disk are calculated by the instance with that disk; a missing file is on another disk, and waits', async () => {
  const elsewhere = onDisk()
  const bytes = Buffer.from('%PDF-1.4\nelsewhere\n%%EOF\n')
  const waiting = await insertDocumentRow(beside.platform, beside.firm, {
    created_at,
    file_path: elsewhere,
    file_size: bytes.length,
  })
  const here = await insert({ filePath: onDisk() })
  expect((await fill('local')).counts).toMatchObject({ hashed: 1, not_here: 1, missing: 0 })
  expect(await stateOf(here.id)).toMatchObject({ sha256: sha256Of(here.bytes), store_id: null })
  expect(await stateOf(waiting)).toMatchObject({ sha256: null, bytes_state: 'present' })
  const answer = await callDocuments(beside.service.url, beside.firm, beside.admin, `/${waiting}/download`)
  expect((await problemOf(answer)).code).toBe('store_unavailable')

  await putPlatformFile(beside.files, elsewhere, bytes)
  const tending = startLocalDiskTasks(app(), { drainEveryMs: 3_600_000, collectEveryMs: 3_600_000, hashEveryMs: 50 })
  await expect.poll(async () => (await stateOf(waiting))?.['sha256']).toBe(sha256Of(bytes))
  await tending.close()
})

it('are calculated in batches, each continuing after the last, until all were read', async () => {
  const documents = []
  for (let each = 0; each < 7; each += 1) documents.push(await insert({ filePath: onDisk() }))
  let after: VersionCursor | undefined
  let hashed = 0
  const rounds: boolean[] = []
  do {
    const { counts, next } = await fill('local', { after, maxVersions: 3, concurrency: 1 })
    hashed += counts.hashed
    after = next
    rounds.push(next === undefined)
  } while (after !== undefined && rounds.length < 10)

  expect([hashed, rounds]).toEqual([7, [false, false, true]])
})

it('are calculated in batches that skip none, although later files are read faster', async () => {
  const ours: string[] = []
  for (let each = 0; each < 3; each += 1) ours.push((await insert({ filePath: onDisk() })).id)
  const { local } = app().stores
  const scope = { store: 'local', storeId: local.storeId, isUnhashed: true } as const
  const inOrder = await listVersionsIn(app().db, scope, { after: undefined, limit: 1000 })
  const [slow, second, third] = inOrder.filter(({ documentId }) => ours.includes(documentId))
  if (slow === undefined || second === undefined || third === undefined) throw new Error('three wait for their hash')
  const read: typeof local.read = async (key, range) => {
    if (key === slow.key) await untilHashed(second.documentId)
    return local.read(key, range)
  }
  const needs = { ...app(), stores: { ...app().stores, local: { ...local, read } } }

  const { counts, next } = await fill('local', { maxVersions: inOrder.indexOf(third) }, needs)

  expect(counts.hashed).toBe(2)
  expect(await stateOf(third.documentId)).toMatchObject({ sha256: null })
  expect(await fill('local', { after: next })).toMatchObject({ counts: { hashed: 1 }, next: undefined })
})

it('are counted in the metrics while they are missing', async () => {
  const before = (await readMetrics(beside.service.url)).valueOf('paniq_documents_unhashed_documents') ?? 0
  await insert()
  const filePath = onDisk()
  await insertDocumentRow(beside.platform, beside.firm, { created_at, file_path: filePath })
  // The metrics query the database at most every two seconds.
  await expect
    .poll(async () => (await readMetrics(beside.service.url)).valueOf('paniq_documents_unhashed_documents'))
    .toBe(before + 2)
  await runJob()
  await expect
    .poll(async () => (await readMetrics(beside.service.url)).valueOf('paniq_documents_unhashed_documents'))
    .toBeLessThan(before + 2)
  expect((await readMetrics(beside.service.url)).valueOf('paniq_documents_platform_rows_waiting')).toBe(0)

  await beside.platform.query('alter table documents rename to put_away')
  await insert()
  await beside.platform.query('alter table put_away rename to documents')
  await expect
    .poll(async () => (await readMetrics(beside.service.url)).valueOf('paniq_documents_platform_rows_waiting'))
    .toBe(1)
})

it('removed or replaced with the platform’s row raise no alert', async () => {
  const [deleted, replaced, lost] = [await insert(), await insert(), await insert()]
  const onThisDisk = await insert({ filePath: onDisk() })
  await runJob()
  const before = await wrongBytes('missing')
  for (const each of [deleted, onThisDisk]) await deleteDocumentRow(beside.platform, each)
  const file_path = platformKey(beside.firm)
  const bytes = Buffer.from('%PDF-1.4\nin its place\n%%EOF\n')
  await putPlatformFile(beside.files, file_path, bytes)
  await updateDocumentRow(beside.platform, replaced, { file_path, file_size: bytes.length })
  for (const each of [deleted, replaced, lost]) await removeObject(each)
  await rm(join(beside.service.folder, onThisDisk.filePath))
  const verified = await runVerify(app())

  expect(verified.keysOf('missing')).toContain(lost.filePath)
  expect(verified.keysOf('missing')).not.toContain(deleted.filePath)
  expect(verified.keysOf('missing')).not.toContain(replaced.filePath)
  expect((await wrongBytes('missing')) ?? 0).toBe((before ?? 0) + 1)
  expect(await stateOf(deleted.id)).toMatchObject({ bytes_state: 'removed' })
  expect((await rowsOf(beside.service, replaced.id)).versions).toMatchObject([
    { bytes_state: 'removed' },
    { bytes_state: 'present' },
  ])
  expect((await rowsOf(beside.service, lost.id)).versions).toMatchObject([{ bytes_state: 'missing' }])
})

it('of bytes found missing after the platform’s delete are valid again when it restores its row', async () => {
  const [restored, replaced] = [await insert(), await insert()]
  await runJob()
  const { rows: rowsBefore } = await beside.platform.query<Record<string, unknown>>(
    'select * from firm_documents where id = $1',
    [restored.id],
  )
  await deleteDocumentRow(beside.platform, restored)
  const other = await insert()
  await updateDocumentRow(beside.platform, replaced, { file_path: other.filePath, file_size: other.bytes.length })
  for (const each of [restored, replaced]) await removeObject(each)
  await runVerify(app())
  expect(await stateOf(restored.id)).toMatchObject({ bytes_state: 'removed' })

  for (const each of [restored, replaced]) await putPlatformFile(beside.files, each.filePath, each.bytes)
  await insertDocumentRow(beside.platform, beside.firm, rowsBefore[0] ?? {})
  await updateDocumentRow(beside.platform, replaced, { file_path: replaced.filePath, file_size: replaced.bytes.length })
  for (const each of [restored, replaced]) {
    expect(await stateOf(each.id)).toMatchObject({ bytes_state: 'present', sha256: sha256Of(each.bytes) })
    const answer = await callDocuments(beside.service.url, beside.firm, beside.admin, `/${each.id}/download`)
    expect(answer.status).toBe(302)
  }
})
