import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { comparePlatform, comparePlatformAnew } from '../../src/database/follow-platform.ts'
import type { DocumentId } from '../../src/vocabulary.ts'
import { uploadDocument } from '../support/call-documents.ts'
import { insertDocumentRow, platformKey, updateDocumentRow } from '../support/platform/platform-documents.ts'
import { rowsOf } from './open-scene.ts'
import { serviceBeside } from './service-beside.ts'

// What the service itself does with a document that is shown: its rows and the platform's in one statement.

const beside = serviceBeside()

const db = () => beside.service.app.db
const rows = (id: string) => rowsOf(beside.service, id)
const handIn = async () => (await uploadDocument(beside.service.url, beside.firm, beside.admin)).id as DocumentId
const isShown = async (id: string) =>
  (await beside.platform.query('select from firm_documents where id = $1', [id])).rowCount === 1
const compareAll = async () => {
  await comparePlatformAnew(db())
  await comparePlatform(db(), () => false)
}
const moveToTrash = (id: DocumentId) =>
  sql`with d as (update documents set deleted_at = now(), deleted_by = ${beside.admin.id} where id = ${id} returning id)
      delete from firm_documents f using d where f.id = d.id`.execute(db())
const addVersion = (id: DocumentId, scanStatus: 'pending' | 'infected') =>
  sql`with d as (update documents set current_version = 2 where id = ${id} returning *)
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
        storage_key, scan_status, uploaded_by)
      select d.firm_id, d.id, 2, 'second.pdf', 5, 'application/pdf', repeat('b', 64), 's3', ${platformKey(beside.firm)},
        ${scanStatus}, ${beside.admin.id} from d`.execute(db())

describe('what the service does itself is nobody else’s change', () => {
  it('a document that it moves to the trash stays there as that person’s doing, and comes back by its own restore', async () => {
    const id = await handIn()
    await moveToTrash(id)
    await compareAll()
    expect(await rows(id)).toMatchObject({
      documents: [{ deleted_by: beside.admin.id }],
      actions: ['document.uploaded'],
    })

    await sql`
      with d as (update documents set deleted_at = null, deleted_by = null where id = ${id} returning *)
      insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified)
      select d.id, d.firm_id, d.document_type, v.file_name, v.storage_key, v.file_size, v.mime_type, v.uploaded_by, false
      from d join document_versions v on v.document_id = d.id`.execute(db())
    await compareAll()
    expect(await rows(id)).toMatchObject({ versions: [{ version: 1 }], actions: ['document.uploaded'] })
  })

  it('a document that waits for its first scan, or is in quarantine, is not shown and not deleted for it', async () => {
    const [waiting, quarantined] = [await handIn(), await handIn()]
    for (const [id, status] of [
      [waiting, 'pending'],
      [quarantined, 'infected'],
    ] as const)
      await sql`
        with v as (update document_versions set scan_status = ${status} where document_id = ${id} returning document_id)
        delete from firm_documents f using v where f.id = v.document_id`.execute(db())
    await compareAll()

    for (const id of [waiting, quarantined])
      expect(await rows(id)).toMatchObject({ documents: [{ deleted_at: null }], actions: ['document.uploaded'] })
  })

  it('a verified document’s new version, which waits for its scan, leaves the row of the one before as it is', async () => {
    const id = await handIn()
    await addVersion(id, 'pending')
    await compareAll()

    expect(await isShown(id)).toBe(true)
    expect(await rows(id)).toMatchObject({ documents: [{ current_version: 2 }], actions: ['document.uploaded'] })
  })
})

describe('the platform’s row shows the newest version that may be seen', () => {
  it('so that what it verifies is that one, and not the one that waits for its scan', async () => {
    const id = await handIn()
    await addVersion(id, 'pending')
    await updateDocumentRow(beside.platform, { id }, { is_verified: true, file_name: 'seen.pdf' })

    expect((await rows(id)).versions).toMatchObject([
      { version: 1, review_status: 'verified', file_name: 'seen.pdf' },
      { version: 2, review_status: 'pending', file_name: 'second.pdf' },
    ])
  })

  it('so that no row of its own lets go what a scan has held back', async () => {
    const id = await handIn()
    await addVersion(id, 'infected')
    const [, infected] = (await rows(id)).versions
    await updateDocumentRow(beside.platform, { id }, { file_path: infected?.['storage_key'], file_size: 5 })

    expect((await rows(id)).versions).toMatchObject([{ version: 1 }, { version: 2, scan_status: 'infected' }])
  })

  it('a rejection, for which it has no word, outlives its other changes', async () => {
    const id = await handIn()
    await sql`update document_versions set review_status = 'rejected', review_reason = 'blurred' where document_id = ${id}`.execute(
      db(),
    )
    await updateDocumentRow(beside.platform, { id }, { file_name: 'renamed.pdf' })
    expect((await rows(id)).versions).toMatchObject([
      { review_status: 'rejected', review_reason: 'blurred', file_name: 'renamed.pdf' },
    ])
  })

  it('a row that it inserts under an id of our trash brings the document back, with what the row says as its newest version', async () => {
    const id = await handIn()
    await moveToTrash(id)
    const file_path = platformKey(beside.firm)
    await insertDocumentRow(beside.platform, beside.firm, {
      id,
      document_type: 'registration_certificate',
      file_path,
      file_size: 9,
      is_verified: true,
    })

    expect(await rows(id)).toMatchObject({
      documents: [{ deleted_at: null, deleted_by: null, current_version: 2 }],
      versions: [{ version: 1 }, { version: 2, storage_key: file_path, review_status: 'verified', is_platforms: true }],
      actions: ['document.uploaded', 'document.restored', 'document.version_added'],
    })
  })

  it('a row that goes back to an earlier file is a new version of those bytes, with their hash', async () => {
    const id = await handIn()
    const [first] = (await rows(id)).versions
    await updateDocumentRow(beside.platform, { id }, { file_path: platformKey(beside.firm), file_size: 9 })
    await updateDocumentRow(
      beside.platform,
      { id },
      { file_path: first?.['storage_key'], file_size: first?.['file_size'] },
    )

    expect((await rows(id)).versions).toMatchObject([
      { version: 1 },
      { version: 2, sha256: null },
      { version: 3, storage_key: first?.['storage_key'], sha256: first?.['sha256'] },
    ])
  })
})

it('what was said with a rejection does not stay beside the platform’s verification, nor what was said with that', async () => {
  const id = await handIn()
  await sql`update document_versions set review_status = 'rejected', review_reason = 'unreadable',
    review_comment = 'too dark', valid_until = '2030-01-01' where document_id = ${id}`.execute(db())
  await updateDocumentRow(beside.platform, { id }, { file_name: 'renamed.pdf' })
  expect((await rows(id)).versions).toMatchObject([{ review_status: 'rejected', review_comment: 'too dark' }])

  await updateDocumentRow(beside.platform, { id }, { is_verified: true })
  expect((await rows(id)).versions).toMatchObject([
    { review_status: 'verified', review_reason: null, review_comment: null, valid_until: null },
  ])
})
