import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { rm, writeFile } from 'node:fs/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/events.ts'
import { claimMove } from '../../src/database/moves.ts'
import { listVersionsIn, type StoredVersion } from '../../src/database/versions-in-store.ts'
import { collectBytes } from '../../src/documents/collect-bytes.ts'
import { drain } from '../../src/documents/moving/drain.ts'
import { type MoveNeeds, moveVersion } from '../../src/documents/moving/move-version.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { FirmId, StorageKey } from '../../src/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/call-documents.ts'
import { type FreshBucket, freshBucket } from '../support/fresh-bucket.ts'
import { listBucket } from '../support/list-everything.ts'
import { makePdf } from '../support/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { startService, type TestService } from '../support/start-service.ts'

let bucket: FreshBucket
/** New files stay on its disk, but it can reach the bucket. */
let service: TestService
let firmId: FirmId
let member: Person

beforeAll(async () => {
  bucket = await freshBucket()
  service = await startService({ ...s3Settings(bucket), USE_S3_STORAGE: 'false', MAX_UPLOAD_BYTES: '60000000' })
  firmId = await makeFirm(service.app)
  member = await makeMember(service.app, firmId)
})
afterAll(async () => {
  await service.stop()
  await bucket.remove()
})

const actor = systemActor('a test')
const never = new AbortController().signal
const toS3 = { to: 's3', removesSource: true, signal: never } as const

describe('a version that is moved', () => {
  it.each([
    ['small', 3_000],
    ['larger than what is held in memory', 17_000_000],
  ])('%s: lies in the other store with the same bytes, and its row and the platform’s say so', async (_size, bytes) => {
    const { document, version, file } = await handIn(bytes)

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

    const moved = await versionOf(document.id)
    expect(moved).toMatchObject({ store: 's3', store_id: null, is_fallback: false, bytes_state: 'present' })
    expect(moved.storage_key).not.toBe(version.key)
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect(await platformPathOf(document.id)).toBe(moved.storage_key)
    expect(await openMoves()).toEqual([])
    const events = await eventsOf(document.id)
    expect(events).toContain('document.moved')
  })

  it('keeps its source until the grace is over, and then the collector removes it', async () => {
    const { version } = await handIn()
    await moveVersion(service.app, actor, version, toS3)

    await collectBytes(service.app, never)
    expect(await service.app.stores.local.stat(version.key)).toBeDefined()

    await collectBytes(inTwoDays(), never)
    expect(await service.app.stores.local.stat(version.key)).toBeUndefined()
  })

  it('keeps its source for good when it is not to be removed', async () => {
    const { version } = await handIn()
    await moveVersion(service.app, actor, version, { ...toS3, removesSource: false })

    await collectBytes(inTwoDays(), never)

    expect(await service.app.stores.local.stat(version.key)).toBeDefined()
  })

  it('goes back as well', async () => {
    const { document, version, file } = await handIn()
    await moveVersion(service.app, actor, version, toS3)
    const onS3 = await storedVersionOf(document.id, 's3')

    expect(await moveVersion(service.app, actor, onS3, { ...toS3, to: 'local' })).toBe('moved')

    expect(await versionOf(document.id)).toMatchObject({
      store: 'local',
      store_id: service.app.stores.local.storeId,
      is_fallback: false,
    })
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect(await platformPathOf(document.id)).toMatch(/^uploads\/security_firms\//)
  })

  it('gets the hash of its bytes when its row, which the platform made, has none', async () => {
    const { document, version, file } = await handIn()
    await changeVersion(document.id, sql`sha256 = null, store_id = null`)

    expect(await moveVersion(service.app, actor, { ...version, sha256: null, storeId: null }, toS3)).toBe('moved')

    expect(await versionOf(document.id)).toMatchObject({ sha256: sha256Of(file), store: 's3' })
    await collectBytes(inTwoDays(), never)
    expect(await service.app.stores.local.stat(version.key)).toBeUndefined()
  })
})

describe('a version whose bytes are not right', () => {
  it('is not moved when a byte was changed: it is marked, and answers gone', async () => {
    const { document, version, file } = await handIn()
    const spoiled = Buffer.from(file)
    spoiled[100] = (spoiled[100] ?? 0) ^ 1
    await writeFile(pathOf(version.key), spoiled)

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('wrong')

    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'wrong' })
    expect((await callDocuments(service.url, firmId, member, `/${document.id}/download`)).status).toBe(410)
    await expectNoBytesBeside(version.key)
  })

  it.each([
    ['longer', (file: Buffer) => Buffer.concat([file, Buffer.from('x')])],
    ['shorter', (file: Buffer) => file.subarray(0, -1)],
  ])('is not moved when it became %s, also where no hash is known', async (_how, change) => {
    const { document, version, file } = await handIn()
    await changeVersion(document.id, sql`sha256 = null`)
    await writeFile(pathOf(version.key), change(file))

    expect(await moveVersion(service.app, actor, { ...version, sha256: null }, toS3)).toBe('wrong')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'wrong' })
  })

  it('is marked as missing when its file is gone', async () => {
    const { document, version } = await handIn()
    await rm(pathOf(version.key))

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('missing')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'missing' })
  })

  it('is not here, rather than missing, when its row names no disk', async () => {
    const { document, version } = await handIn()
    await changeVersion(document.id, sql`store_id = null`)
    await rm(pathOf(version.key))

    expect(await moveVersion(service.app, actor, { ...version, storeId: null }, toS3)).toBe('not_here')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'present' })
    await changeVersion(document.id, sql`bytes_state = 'removed'`)
  })
})

describe('two movers', () => {
  it('at the same version: one moves it, the other finds it busy, and there is one copy', async () => {
    const { document, version, file } = await handIn()
    const before = await keysInBucket()

    const outcomes = await Promise.all([1, 2, 3].map(() => moveVersion(service.app, actor, version, toS3)))

    expect(outcomes.toSorted()).toEqual(['busy', 'busy', 'moved'])
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect((await keysInBucket()).length).toBe(before.length + 1)
  })

  it('of which one died before its copy: the next takes its intent over once the lease is over, and uses its key', async () => {
    const { document, version } = await handIn()
    const dead = await claimAndDie(version)

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('busy')
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
  })

  it('of which one died after its copy: what it copied is found to be right, and used', async () => {
    const { document, version, file } = await handIn()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, file)
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
  })

  it('of which one left other bytes under the key: it alarms, and the version gets another key', async () => {
    const { document, version, file } = await handIn()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, makePdf({ bytes: 3_000, seed: 'another' }))
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

    expect((await versionOf(document.id)).storage_key).not.toBe(dead.to.key)
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect(service.logLines.some((line) => line.includes('"event":"move_target_wrong"'))).toBe(true)
  })

  it('of which one died wanting it elsewhere: that stands in nobody’s way, and what it copied is collected', async () => {
    const { version } = await handIn()
    const key = freshKey()
    await claimMove(service.app.db, { ...version, from: version, to: { store: 'local', storeId: null, key } })
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    const noted = await service.app.db
      .selectFrom('document_removals')
      .select('storage_key')
      .where('storage_key', '=', key)
      .execute()
    expect(noted).toHaveLength(1)
  })

  it('whose claim was taken over while it copied changes no row and removes nothing', async () => {
    const { document, version } = await handIn()
    const needs = takenOverWhileWriting()

    expect(await moveVersion(needs, actor, version, toS3)).toBe('busy')

    expect(await versionOf(document.id)).toMatchObject({ store: 'local', storage_key: version.key })
    const [open] = await openMoves()
    expect(await service.app.stores.s3?.stat(open?.to_key as StorageKey)).toBeDefined()
    await service.app.db.deleteFrom('document_moves').execute()
  })
})

describe('the collector', () => {
  it('ends a dead mover’s intent after the grace and removes what it had copied', async () => {
    const { document, version, file } = await handIn()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, file)

    await collectBytes(inTwoDays(), never)

    expect(await openMoves()).toEqual([])
    expect(await service.app.stores.s3?.stat(dead.to.key)).toBeUndefined()
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('never removes bytes that a version names, whatever was noted', async () => {
    const { document, version, file } = await handIn()
    await service.app.db
      .insertInto('document_removals')
      .values({
        firm_id: firmId,
        store: 'local',
        store_id: version.storeId,
        storage_key: version.key,
        due_at: new Date(0),
      })
      .execute()

    await collectBytes(inTwoDays(), never)

    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('ends an upload that nobody ended, with the bytes it left, but not before the grace', async () => {
    const key = freshKey()
    const open = {
      id: randomUUID(),
      firm_id: firmId,
      store: 's3',
      store_id: null,
      storage_key: key,
      uploaded_by: member.id,
    }
    await service.app.db
      .insertInto('document_uploads')
      .values({ ...open, store: 's3', id: open.id as never })
      .execute()
    await putIntoBucket(key, makePdf())

    await collectBytes(service.app, never)
    expect(await service.app.stores.s3?.stat(key)).toBeDefined()

    await collectBytes(inTwoDays(), never)
    expect(await service.app.stores.s3?.stat(key)).toBeUndefined()
    expect(await service.app.db.selectFrom('document_uploads').selectAll().execute()).toEqual([])
  })
})

describe('the drain', () => {
  it('moves fallback files alone', async () => {
    const chosen = await handIn()
    const fallback = await handIn()
    await changeVersion(fallback.document.id, sql`is_fallback = true`)

    const drained = await drain(service.app, actor, { concurrency: 4, signal: never })

    expect(drained).toMatchObject({ moved: 1, left: 0 })
    expect(await versionOf(fallback.document.id)).toMatchObject({ store: 's3', is_fallback: false })
    expect(await versionOf(chosen.document.id)).toMatchObject({ store: 'local' })
  })
})

async function handIn(bytes = 3_000) {
  const file = Buffer.from(makePdf({ bytes }))
  const document = await uploadDocument(service.url, firmId, member, { bytes: file })
  return { document, file, version: await storedVersionOf(document.id, 'local') }
}

async function storedVersionOf(documentId: string, store: 's3' | 'local'): Promise<StoredVersion> {
  const { storeId } = service.app.stores.local
  const versions = await listVersionsIn(service.app.db, { store, storeId }, { after: undefined, limit: 10_000 })
  const version = versions.find((each) => each.documentId === documentId)
  if (version === undefined) throw new Error('this document has no version in that store')
  return version
}

async function versionOf(documentId: string) {
  return service.app.db
    .selectFrom('document_versions')
    .selectAll()
    .where(sql<boolean>`document_id = ${documentId}::uuid`)
    .executeTakeFirstOrThrow()
}

async function changeVersion(documentId: string, change: ReturnType<typeof sql>): Promise<void> {
  await sql`update document_versions set ${change} where document_id = ${documentId}`.execute(service.app.db)
}

async function platformPathOf(documentId: string): Promise<string | undefined> {
  const row = await service.app.db
    .selectFrom('firm_documents')
    .select('file_path')
    .where(sql<boolean>`id = ${documentId}::uuid`)
    .executeTakeFirst()
  return row?.file_path
}

async function eventsOf(documentId: string): Promise<string[]> {
  const response = await callDocuments(service.url, firmId, member, `/${documentId}/events`)
  return ((await response.json()) as { action: string }[]).map(({ action }) => action)
}

async function openMoves() {
  return service.app.db.selectFrom('document_moves').selectAll().execute()
}

async function endLeases(): Promise<void> {
  await sql`update document_moves set lease_until = now() - interval '1 second'`.execute(service.app.db)
}

async function bytesOf(documentId: string): Promise<Buffer> {
  const answer = await callDocuments(service.url, firmId, member, `/${documentId}/download`)
  const location = answer.headers.get('location')
  const response = location === null ? answer : await fetch(location)
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

async function claimAndDie(version: StoredVersion) {
  const to = { store: 's3', storeId: null, key: freshKey() } as const
  const move = await claimMove(service.app.db, { ...version, from: version, to })
  if (move === undefined) throw new Error('the move could not be claimed')
  return move
}

function freshKey(): StorageKey {
  return storageKeyOf({ firmId, documentType: 'registration_certificate', uuid: randomUUID(), extension: 'pdf' })
}

async function putIntoBucket(key: StorageKey, file: Buffer): Promise<void> {
  const labels = { originalFileName: 'a.pdf', documentType: 'a', firmId, documentId: randomUUID() as never }
  const content = { kind: 'memory', bytes: file, sha256: sha256Of(file) as never } as const
  await service.app.stores.s3?.write(key, { contentType: 'application/pdf', labels, content })
}

async function keysInBucket(): Promise<string[]> {
  return (await listBucket(bucket.client, bucket.name)).map(({ key }) => key)
}

async function expectNoBytesBeside(key: StorageKey): Promise<void> {
  const { rows } = await sql<{ key: string }>`
    select to_key as key from document_moves where from_key = ${key}`.execute(service.app.db)
  expect(rows).toEqual([])
}

function inTwoDays(): MoveNeeds {
  return { ...service.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
}

/** The same needs, but that another mover takes each move over while this one writes. */
function takenOverWhileWriting(): MoveNeeds {
  const { s3 } = service.app.stores
  if (s3 === undefined) throw new Error('this service has no S3')
  const slow = {
    ...s3,
    async write(...write: Parameters<typeof s3.write>) {
      const stored = await s3.write(...write)
      await sql`update document_moves set lease_token = gen_random_uuid()`.execute(service.app.db)
      return stored
    },
  }
  return { ...service.app, stores: { ...service.app.stores, s3: slow } }
}

function pathOf(key: StorageKey): string {
  return join(service.folder, 'uploads', key)
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
