import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import type { StorageKey } from '../../src/vocabulary/vocabulary.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import {
  actor,
  blobsOf,
  bytesOf,
  changeVersion,
  claimAndDie,
  deadProcess,
  firmId,
  freshKey,
  upload,
  inTwoDays,
  never,
  openMoves,
  openMovingScene,
  pathOf,
  putIntoBucket,
  service,
  toS3,
} from './moving-scene.ts'

openMovingScene()

const failed = async () => (await service.app.metrics.failedRemovals.get()).values[0]?.value

describe('the collector', () => {
  it('abandons the move of a dead process after the grace period and removes its partial copy', async () => {
    const { document, version, file } = await upload()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, file)

    await collectBlobs(inTwoDays(), never)

    expect(await openMoves()).toEqual([])
    expect(await service.app.stores.s3?.stat(dead.to.key)).toBeUndefined()
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('never removes a blob that a version names, whatever its state', async () => {
    const { document, version, file } = await upload()
    await sql`update document_blobs set state = 'leaving', due_at = now() where storage_key = ${version.key}`.execute(
      service.app.db,
    )

    await collectBlobs(inTwoDays(), never)

    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('abandons an unfinished upload and removes its blob, but not within the grace period', async () => {
    const key = freshKey()
    await reserve({ store: 's3', storeId: null, key, processId: service.app.processId })
    await putIntoBucket(key, makePdf())

    await collectBlobs(service.app, never)
    expect(await service.app.stores.s3?.stat(key)).toBeDefined()

    await collectBlobs(inTwoDays(), never)
    expect(await service.app.stores.s3?.stat(key)).toBeUndefined()
    expect(await blobAt(key)).toBeUndefined()
  })

  it('ends the reservation of a dead process after minutes, also for a lost disk', async () => {
    const key = freshKey()
    await reserve({ store: 'local', storeId: randomUUID(), key, processId: deadProcess() })

    await collectBlobs(service.app, never)
    expect(await blobAt(key)).toMatchObject({ state: 'incoming', reserved_bytes: '5000', reserved_documents: 1 })

    await collectBlobs({ ...service.app, now: () => new Date(Date.now() + 11 * 60 * 1000) }, never)
    expect(await blobAt(key)).toMatchObject({ state: 'leaving', reserved_bytes: '0', reserved_documents: 0 })
    await sql`delete from document_blobs where storage_key = ${key}`.execute(service.app.db)
  })

  it('keeps the upload of a live process within the grace period', async () => {
    const key = freshKey()
    await reserve({ store: 's3', storeId: null, key, processId: service.app.processId })

    await collectBlobs({ ...service.app, now: () => new Date(Date.now() + 60 * 60 * 1000) }, never)

    expect(await blobAt(key)).toMatchObject({ state: 'incoming', reserved_bytes: '5000' })
    await sql`delete from document_blobs where storage_key = ${key}`.execute(service.app.db)
  })

  it('counts failed removals and repeats them', async () => {
    const { storeId } = service.app.stores.local
    const key = freshKey()
    // A folder in place of a file.
    await mkdir(pathOf(key), { recursive: true })
    await sql`insert into document_blobs (firm_id, store, store_id, storage_key, state, due_at)
      values (${firmId}, 'local', ${storeId}, ${key}, 'leaving', now())`.execute(service.app.db)
    const before = (await failed()) ?? 0

    expect(await collectBlobs(inTwoDays(), never)).toMatchObject({ left: 1 })
    expect(await failed()).toBe(before + 1)
    expect(await collectBlobs(inTwoDays(), never)).toMatchObject({ left: 0 })
    await sql`delete from document_blobs where storage_key = ${key}`.execute(service.app.db)
  })

  it.each(['missing', 'wrong'])(
    'keeps the source of a move whose target is %s, because it may be the last good copy',
    async (state) => {
      const { document, version } = await upload()
      await moveVersion(service.app, actor, version, toS3)
      await changeVersion(document.id, sql`bytes_state = ${state}`)

      await collectBlobs(inTwoDays(), never)
      expect(await service.app.stores.local.stat(version.key)).toBeDefined()

      await changeVersion(document.id, sql`bytes_state = 'present'`)
      await collectBlobs({ ...service.app, now: () => new Date(Date.now() + 5 * 24 * 60 * 60 * 1000) }, never)
      expect(await service.app.stores.local.stat(version.key)).toBeUndefined()
    },
  )

  it('keeps the target of a live mover, whatever its age', async () => {
    const { document, version, file } = await upload()
    const { s3 } = service.app.stores
    if (s3 === undefined) throw new Error('this service has a bucket')
    const slow: typeof s3 = {
      ...s3,
      async write(...words) {
        await collectBlobs(inTwoDays(), never)
        return s3.write(...words)
      },
    }
    const needs = { ...service.app, stores: { ...service.app.stores, s3: slow } }

    expect(await moveVersion(needs, actor, version, toS3)).toBe('moved')

    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect((await blobsOf(document.id)).map(({ state }) => state).toSorted()).toEqual(['leaving', 'live'])
  })
})

type Reserving = { store: 's3' | 'local'; storeId: string | null; key: string; processId: string }

async function reserve({ store, storeId, key, processId }: Reserving): Promise<void> {
  await sql`
    insert into document_blobs (firm_id, document_id, version_id, store, store_id, storage_key, state, reserved_bytes,
      reserved_documents, claimed_by, claimed_until)
    values (${firmId}, gen_random_uuid(), gen_random_uuid(), ${store}, ${storeId}::uuid, ${key}, 'incoming', 5000, 1,
      ${processId}, now() + interval '1 day')`.execute(service.app.db)
}

async function blobAt(key: StorageKey) {
  return service.app.db.selectFrom('document_blobs').selectAll().where('storage_key', '=', key).executeTakeFirst()
}
