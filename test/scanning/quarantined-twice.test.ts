import { createHash, randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'

import { claimMove } from '../../src/database/blobs/move-blob.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { listVersionsIn, type StoredVersion } from '../../src/database/documents/versions-in-store.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { quarantineVersion } from '../../src/documents/scanning/quarantine-version.ts'
import { reachableStores, type ReachableStore } from '../../src/documents/stores/reachable-stores.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { Sha256 } from '../../src/vocabulary/vocabulary.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import type { TestService } from '../support/service/start-service.ts'

const scene = serviceOnBothStores()

type Stored = { here: ReachableStore; version: StoredVersion }
type Found = { here: ReachableStore; version: StoredVersion & { signature: string } }

async function storedOn(service: TestService, store: 's3' | 'local'): Promise<Stored> {
  const { db, stores } = service.app
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  const here = reachableStores(stores).find((each) => each.store === store)
  if (here === undefined) throw new Error('this service has no such store')
  const versions = await listVersionsIn(db, here, { after: undefined, limit: 1000 })
  const version = versions.find(({ documentId }) => documentId === id)
  if (version === undefined) throw new Error('it is not in this store')
  return { here, version }
}

/** A process recorded the verdict and was then killed. */
async function find({ app }: TestService, { here, version }: Stored): Promise<Found> {
  await sql`
    with v as (
      update document_versions set scan_status = 'infected', scan_found = 'Found', is_fallback = store = 'local'
      where id = ${version.versionId}
    ),
    d as (update documents set shown_version = null where id = ${version.documentId})
    delete from firm_documents where id = ${version.documentId}`.execute(app.db)
  return { here, version: { ...version, signature: 'Found' } }
}

const foundOn = async (service: TestService, store: 's3' | 'local') => find(service, await storedOn(service, store))

async function quarantinedOf({ app }: TestService, { version }: Found) {
  const { rows } = await sql<{ key: string; state: string }>`
    select storage_key as key, state from document_blobs where source_key = ${version.key}`.execute(app.db)
  return rows
}

function rowOf({ app }: TestService, { version }: Found) {
  return app.db
    .selectFrom('document_versions')
    .select(['is_fallback', 'bytes_state'])
    .where('id', '=', version.versionId)
    .executeTakeFirst()
}

/** Makes every update of such a row fail until the test ends or the returned function is called. */
async function forbidChange(db: Db, table: string, change: string): Promise<() => Promise<void>> {
  await sql`
    create function forbid_change() returns trigger language plpgsql
    as 'begin raise exception ''forbidden by this test''; end'`.execute(db)
  const allow = async () => void (await sql`drop function if exists forbid_change() cascade`.execute(db))
  onTestFinished(() => allow())
  await sql`
    create trigger forbid_change before update on ${sql.id(table)} for each row when (${sql.raw(change)})
    execute function forbid_change()`.execute(db)
  return allow
}

/** The platform moves a version's file, and the trigger on its row follows. */
async function platformMoves({ app }: TestService, { version }: Found, store: 's3' | 'local', key: string) {
  await sql`
    update document_versions set store = ${store}, store_id = null, storage_key = ${key}, is_platforms = true
    where id = ${version.versionId}`.execute(app.db)
}

describe.each(['s3', 'local'] as const)('on %s', (store) => {
  const service = () => (store === 's3' ? scene.onS3 : scene.onDisk)

  it('two concurrent quarantines of one file make one copy and one row', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    await quarantineVersion(service().app, here, version)
    const first = await quarantinedOf(service(), found)
    await quarantineVersion(service().app, here, version)

    expect(first).toEqual([{ key: `quarantine/${version.key}`, state: 'quarantined' }])
    expect(await quarantinedOf(service(), found)).toEqual(first)
  })

  it('the copy of one process stays named although the other finds no source any more', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    // The first process copied the file, removed its source, and was killed before its commit.
    await quarantineVersion(service().app, here, version)
    await sql`update document_blobs set state = 'incoming' where source_key = ${version.key}`.execute(service().app.db)
    await quarantineVersion(service().app, here, version)

    expect(await quarantinedOf(service(), found)).toEqual([{ key: `quarantine/${version.key}`, state: 'quarantined' }])
  })

  it('a file that the platform moved away and back goes into quarantine', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    const away = storageKeyOf({ ...version, uuid: randomUUID(), extension: 'pdf' })
    await platformMoves(service(), found, store === 's3' ? 'local' : 's3', away)
    await platformMoves(service(), found, store, version.key)
    await quarantineVersion(service().app, here, { ...version, storeId: null })

    expect(await quarantinedOf(service(), found)).toMatchObject([{ state: 'quarantined' }])
    expect(await here.files.stat(version.key)).toBeUndefined()
  })

  it.each([
    {
      what: 'the version cannot be marked as removed',
      table: 'document_versions',
      change: "new.bytes_state = 'removed'",
    },
    { what: 'the copy cannot be marked as quarantined', table: 'document_blobs', change: "new.state = 'quarantined'" },
  ])('if $what, neither change is made, and the next attempt makes both', async ({ table, change }) => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    const rows = async () => ({
      copies: await quarantinedOf(service(), found),
      version: await rowOf(service(), found),
    })
    const allow = await forbidChange(service().app.db, table, change)

    await expect(quarantineVersion(service().app, here, version)).rejects.toThrow('forbidden by this test')
    expect(await rows()).toMatchObject({ copies: [{ state: 'incoming' }], version: { bytes_state: 'present' } })
    expect(await here.files.stat(version.key)).toBeDefined()
    await allow()
    await quarantineVersion(service().app, here, version)
    expect(await rows()).toMatchObject({ copies: [{ state: 'quarantined' }], version: { bytes_state: 'removed' } })
  })

  it('a quarantined fallback file no longer counts as waiting for S3', async () => {
    const found = await foundOn(service(), store)
    await quarantineVersion(service().app, found.here, found.version)
    expect(await rowOf(service(), found)).toEqual({ is_fallback: false, bytes_state: 'removed' })
  })
})

it('a mover’s copy that is written after the quarantine is removed when due', async () => {
  const { app } = scene.onS3
  const stored = await storedOn(scene.onS3, 's3')
  const { version } = stored
  const { local } = app.stores
  const key = storageKeyOf({ ...version, uuid: randomUUID(), extension: 'pdf' })
  const to = { store: 'local', storeId: local.storeId, key } as const
  await claimMove(app.db, app.processId, { ...version, bytes: version.fileSize, from: version, to })
  const found = await find(scene.onS3, stored)
  await quarantineVersion(app, found.here, found.version)

  const bytes = makePdf()
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256
  const labels = { ...version, originalFileName: 'a.pdf' }
  await local.write(key, { contentType: 'application/pdf', labels, content: { kind: 'memory', bytes, sha256 } })
  await collectBlobs({ ...app, now: () => new Date(Date.now() + 2 * 86_400_000) }, new AbortController().signal)

  expect(await local.stat(key)).toBeUndefined()
})
