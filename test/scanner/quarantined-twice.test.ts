import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { listVersionsIn, type StoredVersion } from '../../src/database/versions-in-store.ts'
import { quarantineVersion } from '../../src/documents/scanning/scan-version.ts'
import { storesHere, type StoreHere } from '../../src/documents/stores.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import { serviceOnBothStores } from '../support/both-stores.ts'
import { uploadDocument } from '../support/call-documents.ts'
import { firmWithAdmin } from '../support/firm-with-admin.ts'
import type { TestService } from '../support/start-service.ts'

const scene = serviceOnBothStores()

type Found = { here: StoreHere; version: StoredVersion & { signature: string } }

/** One whose verdict was recorded by somebody who was killed then. */
async function foundOn(service: TestService, store: 's3' | 'local'): Promise<Found> {
  const { db, stores } = service.app
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  await sql`
    with v as (
      update document_versions set scan_status = 'infected', scan_found = 'Found', is_fallback = store = 'local'
      where document_id = ${id}
    )
    delete from firm_documents where id = ${id}`.execute(db)
  const here = storesHere(stores).find((each) => each.store === store)
  if (here === undefined) throw new Error('this service has no such store')
  const versions = await listVersionsIn(db, here, { after: undefined, limit: 1000 })
  const version = versions.find(({ documentId }) => documentId === id)
  if (version === undefined) throw new Error('it does not lie in this store')
  return { here, version: { ...version, signature: 'Found' } }
}

async function quarantinedOf({ app }: TestService, { version }: Found) {
  const { rows } = await sql<{ key: string; state: string }>`
    select storage_key as key, state from document_blobs where source_key = ${version.key}`.execute(app.db)
  return rows
}

/** The platform moves a version's file, as the trigger on its row follows it. */
async function platformMoves({ app }: TestService, { version }: Found, store: 's3' | 'local', key: string) {
  await sql`
    update document_versions set store = ${store}, store_id = null, storage_key = ${key}, is_platforms = true
    where id = ${version.versionId}`.execute(app.db)
}

describe.each(['s3', 'local'] as const)('on %s', (store) => {
  const service = () => (store === 's3' ? scene.onS3 : scene.onDisk)

  it('what two put into quarantine, one a little later than the other, is there once, and one row says where', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    await quarantineVersion(service().app, here, version)
    const first = await quarantinedOf(service(), found)
    await quarantineVersion(service().app, here, version)

    expect(first).toEqual([{ key: `quarantine/${version.key}`, state: 'quarantined' }])
    expect(await quarantinedOf(service(), found)).toEqual(first)
  })

  it('what one of two has just brought there stays named, though the other finds nothing any more', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    // The first copied the file and removed its source, and was killed before it could commit.
    await quarantineVersion(service().app, here, version)
    await sql`update document_blobs set state = 'incoming' where source_key = ${version.key}`.execute(service().app.db)
    await quarantineVersion(service().app, here, version)

    expect(await quarantinedOf(service(), found)).toEqual([{ key: `quarantine/${version.key}`, state: 'quarantined' }])
  })

  it('what the platform had moved away and back is moved into quarantine all the same', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    const away = storageKeyOf({ ...version, uuid: randomUUID(), extension: 'pdf' })
    await platformMoves(service(), found, store === 's3' ? 'local' : 's3', away)
    await platformMoves(service(), found, store, version.key)
    await quarantineVersion(service().app, here, { ...version, storeId: null })

    expect(await quarantinedOf(service(), found)).toMatchObject([{ state: 'quarantined' }])
    expect(await here.files.stat(version.key)).toBeUndefined()
  })

  it('what lay on the disk for want of S3 waits for it no more', async () => {
    const { here, version } = await foundOn(service(), store)
    await quarantineVersion(service().app, here, version)
    const row = await service()
      .app.db.selectFrom('document_versions')
      .select(['is_fallback', 'bytes_state'])
      .where('id', '=', version.versionId)
      .executeTakeFirst()
    expect(row).toEqual({ is_fallback: false, bytes_state: 'removed' })
  })
})
