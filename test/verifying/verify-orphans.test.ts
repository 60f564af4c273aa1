import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { listVersionsIn } from '../../src/database/documents/versions-in-store.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import { createCopyLimits } from '../../src/documents/stores/walk-versions.ts'
import { type ReachableStore, reachableStores } from '../../src/documents/stores/reachable-stores.ts'
import type { VerifyNeeds } from '../../src/documents/verifying/plan-verification.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { StorageKey, VersionId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { inTwoDays, runVerify } from '../support/verifying/run-verify.ts'
import { aroundCopies, aroundRemovals } from './corrupt-stores.ts'
import { emptyStores, openStoreScene } from './store-scene.ts'

const actor = systemActor('a test')
const orphan = Buffer.from(makePdf({ bytes: 2_000, seed: 'a orphan' }))

describe.each(['s3', 'local'] as const)('verify, for orphans on %s', (store) => {
  const scene = sceneOfFile((closing) => openStoreScene(closing, store))
  beforeEach(async () => {
    for (const table of ['documents', 'document_blobs'])
      await sql`delete from ${sql.table(table)}`.execute(scene.service.app.db)
    await emptyStores(scene)
  })

  const freshKey = () =>
    storageKeyOf({ firmId: scene.firmId, documentType: 'tax_clearance', uuid: randomUUID(), extension: 'pdf' })

  async function leaveOrphan(bytes = orphan): Promise<StorageKey> {
    const key = freshKey()
    await scene.hand.put(key, bytes)
    return key
  }

  async function recordsOf(key: StorageKey) {
    return scene.service.app.db.selectFrom('document_blobs').selectAll().where('source_key', '=', key).execute()
  }

  const here = (needs: VerifyNeeds = scene.service.app): ReachableStore =>
    reachableStores(needs.stores).find((each) => each.store === store) ?? raise('this store is not here')

  it('names each orphan with its size and age, and leaves it', async () => {
    await uploadDocument(scene.service.url, scene.firmId, scene.member)
    const key = await leaveOrphan()

    const done = await runVerify(scene.service.app)

    expect(done).toMatchObject({ isRight: false, findings: { orphan: 1 } })
    expect(done.list).toMatchObject([{ kind: 'orphan', store, key, bytes: 2_000, since: expect.any(Date) }])
    expect(await scene.hand.get(key)).toEqual(orphan)
  })

  it('leaves an orphan within the grace period', async () => {
    const key = await leaveOrphan()

    const done = await runVerify(scene.service.app, { repairs: 'many' })

    expect(done).toMatchObject({ isRight: false, findings: { orphan: 1, quarantined: 0 } })
    expect(await scene.hand.get(key)).toEqual(orphan)
  })

  it('quarantines an older orphan with a record, never serves it, and does not find it again', async () => {
    await uploadDocument(scene.service.url, scene.firmId, scene.member)
    const key = await leaveOrphan()

    const done = await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })

    expect(done).toMatchObject({ isRight: true, findings: { orphan: 1, quarantined: 1 } })
    expect(await scene.hand.get(key)).toBeUndefined()
    expect(await scene.hand.get(`quarantine/${key}`)).toEqual(orphan)
    expect(await recordsOf(key)).toMatchObject([
      { store, storage_key: `quarantine/${key}`, bytes: '2000', state: 'quarantined' },
    ])
    expect(await runVerify(scene.service.app)).toMatchObject({ isRight: true, files: 1, findings: { orphan: 0 } })
    // No key in quarantine is the key of a document.
    await expect(here().files.read(`quarantine/${key}` as StorageKey)).rejects.toMatchObject({ code: 'invalid_key' })
    await expect(here().files.stat(`quarantine/${key}` as StorageKey)).rejects.toMatchObject({ code: 'invalid_key' })
  })

  it('quarantines another orphan under the same key in addition to the first', async () => {
    const key = await leaveOrphan()
    await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })
    const other = Buffer.from(makePdf({ bytes: 2_500 }))
    await scene.hand.put(key, other)

    await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })

    const [first, second] = (await recordsOf(key)).toSorted((a, b) => Number(a.bytes) - Number(b.bytes))
    expect(await scene.hand.get(first?.storage_key ?? '')).toEqual(orphan)
    expect(await scene.hand.get(second?.storage_key ?? '')).toEqual(other)
    expect(await scene.hand.get(key)).toBeUndefined()
  })

  it('uses another key if the recorded one has other bytes', async () => {
    const key = await leaveOrphan()
    await scene.hand.put(`quarantine/${key}`, Buffer.from('nobody knows'))

    const done = await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })

    expect(done).toMatchObject({ isRight: true, findings: { quarantined: 1 } })
    const [record] = await recordsOf(key)
    expect(record?.storage_key).not.toBe(`quarantine/${key}`)
    expect(await scene.hand.get(record?.storage_key ?? '')).toEqual(orphan)
    await scene.hand.remove(`quarantine/${key}`)
  })

  const deaths = ['before the copy', 'after the copy', 'before the removal', 'after the removal'] as const

  it.each(deaths)('completes a repair that was killed %s', async (moment) => {
    const key = await leaveOrphan()
    await expect(runVerify(dyingAt(moment, key), { repairs: 'many' })).rejects.toThrow('killed')
    expect(await recordsOf(key)).toMatchObject([{ state: 'incoming' }])

    const done = await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })

    expect(done.isRight).toBe(true)
    expect(await recordsOf(key)).toMatchObject([{ state: 'quarantined' }])
    expect(await scene.hand.get(key)).toBeUndefined()
    expect(await scene.hand.get(`quarantine/${key}`)).toEqual(orphan)
  })

  it('two concurrent repairs complete with one copy', async () => {
    const key = await leaveOrphan()
    const needs = inTwoDays(scene.service.app)

    await Promise.all([1, 2].map(() => runVerify(needs, { repairs: 'many' })))

    expect(await recordsOf(key)).toMatchObject([{ state: 'quarantined' }])
    expect(await scene.hand.get(key)).toBeUndefined()
    expect(await scene.hand.get(`quarantine/${key}`)).toEqual(orphan)
  })

  it('leaves an orphan that a row names before its removal', async () => {
    const key = await leaveOrphan()
    const needs = inTwoDays(scene.service.app)
    const named = aroundCopies(needs, async (take) => {
      await take()
      await nameInUpload(key)
    })

    const done = await runVerify(named, { repairs: 'many' })

    expect(done.findings.quarantined).toBe(0)
    expect(await scene.hand.get(key)).toEqual(orphan)
    await scene.service.app.db.deleteFrom('document_blobs').where('state', '=', 'incoming').execute()
  })

  it('does not treat as orphans: incoming uploads, targets of open moves, and sources that are retained or due later', async () => {
    const key = await leaveOrphan()
    await nameInUpload(key)
    const [moved, kept] = [
      await uploadDocument(scene.service.url, scene.firmId, scene.member),
      await uploadDocument(scene.service.url, scene.firmId, scene.member),
    ]
    await move(moved.id, true)
    await move(kept.id, false)
    const lying = await countFiles()

    const done = await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })

    expect(lying).toBe(5)
    expect(done.findings).toMatchObject({ orphan: 0, quarantined: 0 })
    expect(await countFiles()).toBe(5)
    await scene.service.app.db.deleteFrom('document_blobs').where('state', '=', 'incoming').execute()
  })

  it('changes nothing in a store of another installation', async () => {
    const key = await leaveOrphan()
    const ours = (await scene.hand.get('paniq-documents.json')) ?? raise('nobody claimed this store')
    await scene.hand.put('paniq-documents.json', Buffer.from(`{"installation_id": "${randomUUID()}"}`))

    const done = await runVerify(inTwoDays(scene.service.app), { repairs: 'many' })

    expect(done).toMatchObject({ isRight: false, findings: { orphan: 1, quarantined: 0 } })
    expect(done.notes.join()).toContain('another installation')
    expect(await scene.hand.get(key)).toEqual(orphan)
    await scene.hand.put('paniq-documents.json', ours)
  })

  it('changes nothing if more than 1 % are orphans, without --many', async () => {
    const key = await leaveOrphan()

    const done = await runVerify(inTwoDays(scene.service.app), { repairs: 'few' })

    expect(done.notes.join()).toContain('of the files (1 of 1)')
    expect(await scene.hand.get(key)).toEqual(orphan)
  })

  async function nameInUpload(key: StorageKey): Promise<void> {
    const place = { store, store_id: here().storeId, storage_key: key }
    await scene.service.app.db
      .insertInto('document_blobs')
      .values({ ...place, firm_id: scene.firmId, version_id: randomUUID() as VersionId, state: 'incoming' })
      .execute()
  }

  async function move(documentId: string, removesSource: boolean): Promise<void> {
    const versions = await listVersionsIn(scene.service.app.db, here(), { after: undefined, limit: 100 })
    const version = versions.find((each) => each.documentId === documentId) ?? raise('it is not there')
    const to = store === 's3' ? 'local' : 's3'
    const { signal } = new AbortController()
    expect(
      await moveVersion(scene.service.app, actor, version, { to, removesSource, limits: createCopyLimits(1), signal }),
    ).toBe('moved')
  }

  async function countFiles(): Promise<number> {
    let count = 0
    for (const { files } of reachableStores(scene.service.app.stores))
      count += (await Array.fromAsync(files.list(''))).length
    return count
  }

  function dyingAt(moment: (typeof deaths)[number], key: StorageKey): VerifyNeeds {
    const needs = inTwoDays(scene.service.app)
    switch (moment) {
      case 'before the copy':
        return aroundCopies(needs, die)
      case 'after the copy':
        return aroundCopies(needs, (copy) => copy().then(die))
      case 'before the removal':
        return aroundRemovals(needs, (asked, remove) => (asked === key ? die() : remove()))
      case 'after the removal':
        return aroundRemovals(needs, (asked, remove) => (asked === key ? remove().then(die) : remove()))
    }
  }
})

function raise(message: string): never {
  throw new Error(message)
}

function die(): Promise<never> {
  return Promise.reject(new Error('killed'))
}
