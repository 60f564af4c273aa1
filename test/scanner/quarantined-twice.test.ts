import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { listVersionsIn, type StoredVersion } from '../../src/database/versions-in-store.ts'
import { quarantineVersion } from '../../src/documents/scanning/quarantine-version.ts'
import { storesHere, type StoreHere } from '../../src/documents/stores-here.ts'
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
  const { rows } = await sql<{ key: string; is_closed: boolean }>`
    select quarantine_key as key, source_removed_at is not null as is_closed from document_quarantined
    where storage_key = ${version.key}`.execute(app.db)
  return rows
}

describe.each(['s3', 'local'] as const)('on %s', (store) => {
  const service = () => (store === 's3' ? scene.onS3 : scene.onDisk)

  it('what two put into quarantine, one a little later than the other, is there once, and one row says where', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    await quarantineVersion(service().app, here, version)
    const first = await quarantinedOf(service(), found)
    await quarantineVersion(service().app, here, version)

    expect(first).toEqual([{ key: `quarantine/${version.key}`, is_closed: true }])
    expect(await quarantinedOf(service(), found)).toEqual(first)
  })

  it('what one of two has just brought there stays named, though the other finds nothing any more', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    // The first has copied and removed, and was killed before it could say so.
    await quarantineVersion(service().app, here, version)
    await sql`update document_quarantined set source_removed_at = null where storage_key = ${version.key}`.execute(
      service().app.db,
    )
    await quarantineVersion(service().app, here, version)

    expect(await quarantinedOf(service(), found)).toEqual([{ key: `quarantine/${version.key}`, is_closed: true }])
  })

  it('what the platform had moved away and back is moved into quarantine all the same', async () => {
    const found = await foundOn(service(), store)
    const { here, version } = found
    // As the moves of the platform are followed: where the bytes were is noted, and they are there again.
    await sql`insert into document_removals (firm_id, version_id, store, store_id, storage_key, due_at)
      values (${version.firmId}, ${version.versionId}, ${store}, ${here.storeId}, ${version.key}, null)`.execute(
      service().app.db,
    )
    await quarantineVersion(service().app, here, version)

    expect(await quarantinedOf(service(), found)).toMatchObject([{ is_closed: true }])
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
