import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { followNoted } from '../../src/database/schema/compare-platform.ts'
import { listVersionsIn } from '../../src/database/documents/versions-in-store.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { migrate } from '../../src/documents/moving/migrate-files.ts'
import { type MoveNeeds, moveVersion } from '../../src/documents/moving/move-version.ts'
import { createCopyLimits } from '../../src/documents/stores/walk-versions.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
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
import { compareAllRows, countUnfollowed, download, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'
import { untilWaitedFor } from '../support/database/until-waited-for.ts'

// New files stay on its disk, but it can reach the bucket.
const beside = serviceBeside({ USE_S3_STORAGE: 'false' })

const actor = systemActor('a test')
const never = new AbortController().signal
const toS3 = { to: 's3', removesSource: true, limits: createCopyLimits(4), signal: never } as const
const app = () => beside.service.app
const rows = (id: string) => rowsOf(beside.service, id)
const onDisk = () => `uploads/${platformKey(beside.firm)}`
const insertOnDisk = (filePath = onDisk()) =>
  insertPlatformDocument(beside.platform, beside.files, beside.firm, { filePath })
const inDays = (days: number) => ({ ...app(), now: () => new Date(Date.now() + days * 24 * 60 * 60 * 1000) })
const inTwoDays = () => inDays(2)
const isOnDisk = (filePath: string) =>
  stat(join(beside.service.folder, filePath)).then(
    () => true,
    () => false,
  )

async function versionOf(id: DocumentId) {
  const { storeId } = app().stores.local
  const versions = await listVersionsIn(app().db, { store: 'local', storeId }, { after: undefined, limit: 1000 })
  const version = versions.findLast(({ documentId }) => documentId === id)
  if (version === undefined) throw new Error('this document has no version on the disk')
  return version
}

async function pathOf(id: DocumentId): Promise<string | undefined> {
  const { rows: found } = await beside.platform.query<{ file_path: string }>(
    'select file_path from firm_documents where id = $1',
    [id],
  )
  return found[0]?.file_path
}

/** Runs an action after a move has begun, before it reads its source. */
function whileMoving(happens: () => Promise<void>): MoveNeeds {
  const { local } = app().stores
  const read: typeof local.read = async (key, range) => {
    await happens()
    return local.read(key, range)
  }
  return { ...app(), stores: { ...app().stores, local: { ...local, read } } }
}

const migrateAll = (to: 's3' | 'local', deletesSource = false) =>
  migrate(app(), actor, {
    to,
    firmId: beside.firm,
    concurrency: 4,
    bytesPerSecond: undefined,
    deletesSource,
    patienceMs: 60_000,
    signal: never,
    onResult: () => undefined,
    onWaiting: () => undefined,
  })

it('a migration moves the platform’s documents there and back, with any key, and updates their rows', async () => {
  const documents: PlatformDocument[] = []
  for (const extension of ['pdf', 'PDF', 'van März (2)', 'bin'])
    documents.push(await insertOnDisk(`uploads/${platformKey(beside.firm, { extension, type: 'tax.clearance' })}`))
  for (const to of ['s3', 'local'] as const) {
    expect((await migrateAll(to)).outcomes).toMatchObject({ failed: 0, missing: 0, wrong: 0 })
    for (const { id, bytes, filePath } of documents) {
      const file = await download(beside.service, beside.firm, beside.admin, id)
      expect([file.status, file.bytes.equals(bytes)]).toEqual([to === 's3' ? 302 : 200, true])
      expect(await pathOf(id)).not.toBe(filePath)
      expect((await rows(id)).versions).toMatchObject([{ version: 1, store: to, sha256: expect.any(String) }])
    }
  }
  expect(await countUnfollowed(beside.service)).toBe(0)
})

describe('a file that two rows of the platform name', () => {
  it('stays until no row names it, in either order of moves', async () => {
    const first = await insertOnDisk()
    const row = { file_path: first.filePath, file_size: first.bytes.length }
    const second = await insertDocumentRow(beside.platform, beside.firm, row)
    expect(await moveVersion(app(), actor, await versionOf(first.id), toS3)).toBe('moved')
    await collectBlobs(inTwoDays(), never)
    expect((await download(beside.service, beside.firm, beside.admin, second)).bytes.equals(first.bytes)).toBe(true)

    expect(await moveVersion(app(), actor, await versionOf(second), toS3)).toBe('moved')
    await collectBlobs(inDays(4), never)
    expect(await isOnDisk(first.filePath)).toBe(false)
  })

  it('stays also if one row is not a document here yet, and is not an orphan', async () => {
    const first = await insertOnDisk()
    await beside.platform.query('alter table firm_documents disable trigger user')
    const row = { file_path: first.filePath, file_size: first.bytes.length }
    const second = await insertDocumentRow(beside.platform, beside.firm, row)
    const alone = await insertOnDisk()
    await beside.platform.query('alter table firm_documents enable trigger user')
    await moveVersion(app(), actor, await versionOf(first.id), toS3)
    await collectBlobs(inTwoDays(), never)
    const verified = await runVerify(inTwoDays(), { repairs: 'many' })

    expect([await isOnDisk(first.filePath), await isOnDisk(alone.filePath), verified.keysOf('orphan')]).toEqual([
      true,
      true,
      [],
    ])
    await compareAllRows(beside.service)
    expect((await download(beside.service, beside.firm, beside.admin, second)).bytes.equals(first.bytes)).toBe(true)
  })
})

describe('while a version is moved, the platform', () => {
  it('deletes its row: the document is in the trash here', async () => {
    const { id } = await insertOnDisk()
    await moveVersion(
      whileMoving(() => deleteDocumentRow(beside.platform, { id })),
      actor,
      await versionOf(id),
      toS3,
    )

    expect(await pathOf(id)).toBeUndefined()
    expect((await rows(id)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  })

  it('replaces the file: the platform’s path stays, and the old version moves', async () => {
    const { id, bytes } = await insertOnDisk()
    const replaced = makePdf({ bytes: 9000 })
    const file_path = onDisk()
    await putPlatformFile(beside.files, file_path, replaced)
    const change = { file_path, file_size: replaced.length }
    const needs = whileMoving(() => updateDocumentRow(beside.platform, { id }, change))
    expect(await moveVersion(needs, actor, await versionOf(id), toS3)).toBe('moved')

    expect(await pathOf(id)).toBe(file_path)
    expect((await download(beside.service, beside.firm, beside.admin, id)).bytes.equals(replaced)).toBe(true)
    expect((await rows(id)).versions).toMatchObject([
      { version: 1, store: 's3', file_size: bytes.length },
      { version: 2, store: 'local', storage_key: file_path.slice('uploads/'.length) },
    ])
  })

  it('moves the file itself: the platform’s copy is used, and ours is removed', async () => {
    const { id, bytes } = await insertOnDisk()
    const file_path = platformKey(beside.firm)
    await putPlatformFile(beside.files, file_path, bytes)
    const needs = whileMoving(() => updateDocumentRow(beside.platform, { id }, { file_path }))
    expect(await moveVersion(needs, actor, await versionOf(id), toS3)).toBe('busy')

    expect(await pathOf(id)).toBe(file_path)
    expect((await rows(id)).versions).toMatchObject([{ version: 1, store: 's3', storage_key: file_path }])
    expect((await download(beside.service, beside.firm, beside.admin, id)).bytes.equals(bytes)).toBe(true)
  })

  it('updates the row concurrently with the move’s commit: both changes are saved', async () => {
    const { id } = await insertOnDisk()
    await beside.platform.query('begin')
    await beside.platform.query('select from firm_documents where id = $1 for update', [id])
    const moving = moveVersion(app(), actor, await versionOf(id), toS3)
    await untilWaitedFor(beside.platform)
    await updateDocumentRow(beside.platform, { id }, { file_name: 'renamed.pdf', is_verified: true })
    await beside.platform.query('commit')

    expect(await moving).toBe('moved')
    const { versions } = await rows(id)
    expect(versions).toMatchObject([{ store: 's3', file_name: 'renamed.pdf', review_status: 'verified' }])
    expect(await pathOf(id)).toBe(versions[0]?.['storage_key'])
    expect(await countUnfollowed(beside.service)).toBe(0)
  })
})

describe('a file that the platform moved away from', () => {
  it('stays on S3, also with a migration that removes its sources, since the platform may remove it', async () => {
    const { id, bytes, filePath } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
    const file_path = onDisk()
    await putPlatformFile(beside.files, file_path, bytes)
    await updateDocumentRow(beside.platform, { id }, { file_path })
    await migrateAll('local', true)
    await collectBlobs(inDays(365), never)

    expect((await listBucket(beside.bucket.client, beside.bucket.name)).map(({ key }) => key)).toContain(filePath)
  })

  it('stays on the disk', async () => {
    const bytes = makePdf({ bytes: 5000 })
    const uploaded = await uploadDocument(beside.service.url, beside.firm, beside.admin, { bytes })
    const id = uploaded.id as DocumentId // the service created it
    const filePath = await pathOf(id)
    const file_path = platformKey(beside.firm)
    await putPlatformFile(beside.files, file_path, bytes)
    await updateDocumentRow(beside.platform, { id }, { file_path })
    await migrateAll('s3', true)
    await collectBlobs(inDays(365), never)

    expect(filePath).toMatch(/^uploads\//)
    expect(await isOnDisk(filePath ?? '')).toBe(true)
  })

  it('raises the alarm as missing if it was being removed when the platform moved back, until it is there again', async () => {
    const { id, filePath, bytes } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
    await migrateAll('local', true)
    expect(await pathOf(id)).toMatch(/^uploads\//)
    // Verify treats a bucket with none of its files as a wrong bucket.
    await insertPlatformDocument(beside.platform, beside.files, beside.firm)
    const { s3 } = app().stores
    if (s3 === undefined) throw new Error('this service reaches a bucket')
    const removeMany: typeof s3.removeMany = async (keys) => {
      await updateDocumentRow(beside.platform, { id }, { file_path: filePath })
      return s3.removeMany(keys)
    }
    await collectBlobs({ ...inTwoDays(), stores: { ...app().stores, s3: { ...s3, removeMany } } }, never)

    expect((await rows(id)).versions).toMatchObject([{ store: 's3', storage_key: filePath }])
    expect(await liveBlobsOf(id)).toEqual([{ store: 's3', storage_key: filePath }])
    expect((await runVerify(app())).keysOf('missing')).toEqual([filePath])
    await putPlatformFile(beside.files, filePath, bytes)
    expect((await runVerify(app())).keysOf('missing')).toEqual([])
  })
})

function liveBlobsOf(id: DocumentId) {
  return app()
    .db.selectFrom('document_blobs')
    .select(['store', 'storage_key'])
    .where('document_id', '=', id)
    .where('state', '=', 'live')
    .execute()
}

it('concurrent uploads, a migration and changes of the platform end in the same state on both sides', async () => {
  const files = beside.files
  const platformWorks = async () => {
    const made: DocumentId[] = []
    for (let turn = 0; turn < 30; turn += 1) {
      const { id } = await insertPlatformDocument(beside.platform, files, beside.firm, { filePath: onDisk() })
      made.push(id)
      const [older] = made.slice(-4)
      if (older === undefined || turn < 4) continue
      if (turn % 3 === 0) await deleteDocumentRow(beside.platform, { id: older })
      else
        await beside.platform.query('update firm_documents set file_name = $2, is_verified = true where id = $1', [
          older,
          `${turn}.pdf`,
        ])
    }
  }
  const peopleUpload = async () => {
    for (let turn = 0; turn < 15; turn += 1) await uploadDocument(beside.service.url, beside.firm, beside.admin)
  }
  const [, , migrated] = await Promise.all([platformWorks(), peopleUpload(), migrateAll('s3'), migrateAll('s3')])
  expect(migrated.outcomes).toMatchObject({ failed: 0, missing: 0, wrong: 0 })
  // Changes during a slow move were noted.
  await followNoted(app().db)
  expect(await countUnfollowed(beside.service)).toBe(0)

  const eventsBefore = await countPlatformEvents()
  await compareAllRows(beside.service)
  expect(await countPlatformEvents()).toBe(eventsBefore)
  const { list, isRight } = await runVerify(app())
  expect([list, isRight]).toEqual([[], true])
})

/** Each followed change has an event. */
async function countPlatformEvents(): Promise<number> {
  const { length } = await app().db.selectFrom('document_trail').select('id').where('ip', '=', 'platform').execute()
  return length
}
