import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { followNoted } from '../../src/database/schema/compare-platform.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion as addNewVersion } from '../support/documents/call-versions.ts'
import { makePerson } from '../support/people/people.ts'
import {
  deleteDocumentRow,
  insertDocumentRow,
  insertPlatformDocument,
  platformKey,
  updateDocumentRow,
} from '../support/platform/platform-documents.ts'
import { compareAllRows, countUnfollowed, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'

// The service changes a shown document and the platform's row in one statement.

const beside = serviceBeside()

const db = () => beside.service.app.db
const rows = (id: string) => rowsOf(beside.service, id)
const upload = async () => (await uploadDocument(beside.service.url, beside.firm, beside.admin)).id as DocumentId
const isShown = async (id: string) =>
  (await beside.platform.query('select from firm_documents where id = $1', [id])).rowCount === 1
const compareAll = () => compareAllRows(beside.service)
const moveToTrash = (id: DocumentId) =>
  sql`with d as (update documents set deleted_at = now(), deleted_by = ${beside.admin.id} where id = ${id} returning id)
      delete from firm_documents f using d where f.id = d.id`.execute(db())
const addVersion = (id: DocumentId, scanStatus: 'pending' | 'infected' | 'clean') =>
  sql`with d as (
        update documents set current_version = current_version + 1,
          shown_version = case when ${scanStatus} = 'clean' then current_version + 1 else shown_version end
        where id = ${id} returning *),
      v as (
        insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
          storage_key, scan_status, uploaded_by)
        select d.firm_id, d.id, d.current_version, 'second.pdf', 5, 'application/pdf', repeat('b', 64), 's3', ${platformKey(beside.firm)},
          ${scanStatus}, ${beside.admin.id} from d
        returning *
      )
      insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, bytes)
      select firm_id, document_id, id, store, storage_key, 'live', file_size from v`.execute(db())
/** Like the verdict of a scan. */
const hide = (id: DocumentId) =>
  sql`
  with v as (update document_versions v set scan_status = 'infected' from documents d
    where d.id = ${id} and v.document_id = d.id and v.version = d.current_version returning document_id),
  d as (update documents set shown_version = null where id = ${id})
  delete from firm_documents f using v where f.id = v.document_id`.execute(db())
/** A document whose second version is in quarantine, followed by these versions. */
const found = async (...others: ('pending' | 'infected' | 'clean')[]) => {
  const id = await upload()
  await addVersion(id, 'clean')
  await hide(id)
  for (const each of others) await addVersion(id, each)
  return id
}
const isTrashed = async (id: DocumentId) => (await rows(id)).documents[0]?.['deleted_at'] !== null

describe('the service’s own changes are not followed as the platform’s', () => {
  it('a document moved to the trash here stays there under that person, and is restored here', async () => {
    const id = await upload()
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

  it('a document that is pending or in quarantine has no row and is not deleted for it', async () => {
    const [waiting, quarantined] = [await upload(), await upload()]
    for (const [id, status] of [
      [waiting, 'pending'],
      [quarantined, 'infected'],
    ] as const)
      await sql`
        with v as (update document_versions set scan_status = ${status} where document_id = ${id} returning document_id),
        d as (update documents set shown_version = null where id = ${id})
        delete from firm_documents f using v where f.id = v.document_id`.execute(db())
    await compareAll()

    for (const id of [waiting, quarantined])
      expect(await rows(id)).toMatchObject({ documents: [{ deleted_at: null }], actions: ['document.uploaded'] })
  })

  it('a pending new version of a verified document leaves the previous row unchanged', async () => {
    const id = await upload()
    await addVersion(id, 'pending')
    await compareAll()

    expect(await isShown(id)).toBe(true)
    expect(await rows(id)).toMatchObject({ documents: [{ current_version: 2 }], actions: ['document.uploaded'] })
  })
})

describe('a document with a quarantined version and a newer pending one', () => {
  it('has no row and is never deleted for it, whatever the number of comparisons', async () => {
    const ids = [await found('pending'), await found('pending', 'pending'), await found('infected', 'pending')]
    await compareAll()
    await compareAll()

    for (const id of ids)
      expect(await rows(id)).toMatchObject({ documents: [{ deleted_at: null }], actions: ['document.uploaded'] })
  })

  it('is not deleted either after a noted change or a TRUNCATE by the platform', async () => {
    const [noted, shown] = [await found('pending'), await upload()]
    await beside.platform.query('insert into document_unfollowed (firm_id, document_id) values ($1, $2)', [
      beside.firm,
      noted,
    ])
    await followNoted(db())
    expect(await countUnfollowed(beside.service)).toBe(0)
    expect(await isTrashed(noted)).toBe(false)

    await beside.platform.query('truncate firm_documents')
    expect(await isTrashed(noted)).toBe(false)
    expect(await isTrashed(shown)).toBe(true)
  })

  it('is deleted if the platform deletes its existing row', async () => {
    const id = await upload()
    for (const each of ['infected', 'pending'] as const) await addVersion(id, each)
    await compareAll()
    expect(await isTrashed(id)).toBe(false)
    await deleteDocumentRow(beside.platform, { id })
    expect(await isTrashed(id)).toBe(true)
  })

  it('is deleted for a missing row again once a newer version is shown', async () => {
    const id = await found('clean')
    await compareAll()
    expect(await isTrashed(id)).toBe(true)
    const waiting = await upload()
    await addVersion(waiting, 'pending')
    await beside.platform.query('alter table firm_documents disable trigger user')
    await deleteDocumentRow(beside.platform, { id: waiting })
    await beside.platform.query('alter table firm_documents enable trigger user')
    expect(await isTrashed(waiting)).toBe(false)
    await compareAll()
    expect(await isTrashed(waiting)).toBe(true)
  })
})

describe('the platform’s row shows the newest servable version', () => {
  it('so that a verification applies to that one and not to the pending one', async () => {
    const id = await upload()
    await addVersion(id, 'pending')
    await updateDocumentRow(beside.platform, { id }, { is_verified: true, file_name: 'seen.pdf' })

    expect((await rows(id)).versions).toMatchObject([
      { version: 1, review_status: 'verified', file_name: 'seen.pdf' },
      { version: 2, review_status: 'pending', file_name: 'second.pdf' },
    ])
  })

  it('so that no row of the platform makes an unscanned file servable', async () => {
    const id = await upload()
    await addVersion(id, 'infected')
    const [, infected] = (await rows(id)).versions
    await updateDocumentRow(beside.platform, { id }, { file_path: infected?.['storage_key'], file_size: 5 })

    expect((await rows(id)).versions).toMatchObject([{ version: 1 }, { version: 2, scan_status: 'infected' }])
  })

  it('a rejection, which the platform does not know, survives its other changes', async () => {
    const id = await upload()
    await sql`update document_versions set review_status = 'rejected', review_reason = 'blurred' where document_id = ${id}`.execute(
      db(),
    )
    await updateDocumentRow(beside.platform, { id }, { file_name: 'renamed.pdf' })
    expect((await rows(id)).versions).toMatchObject([
      { review_status: 'rejected', review_reason: 'blurred', file_name: 'renamed.pdf' },
    ])
  })

  it('inserting a row under the id of a document in our trash restores it, with the row’s facts as its newest version', async () => {
    const id = await upload()
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

  it('a row that returns to an earlier file is a new version of those bytes, with their hash', async () => {
    const id = await upload()
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

it('reasons of a rejection are removed by the platform’s verification, and reasons of a verification too', async () => {
  const id = await upload()
  await sql`update document_versions set review_status = 'rejected', review_reason = 'unreadable',
    review_comment = 'too dark', valid_until = '2030-01-01' where document_id = ${id}`.execute(db())
  await updateDocumentRow(beside.platform, { id }, { file_name: 'renamed.pdf' })
  expect((await rows(id)).versions).toMatchObject([{ review_status: 'rejected', review_comment: 'too dark' }])

  await updateDocumentRow(beside.platform, { id }, { is_verified: true })
  expect((await rows(id)).versions).toMatchObject([
    { review_status: 'verified', review_reason: null, review_comment: null, valid_until: null },
  ])
})

describe('a change of the platform that is not followed yet is not overwritten', () => {
  it('its content becomes a version before a newer one is uploaded', async () => {
    const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
    const key = await nameOtherBytes(id)

    const added = await addNewVersion(beside.service.url, { firm: beside.firm, id }, beside.admin)

    expect(added.status).toBe(201)
    expect(await rows(id)).toMatchObject({
      versions: [{ version: 1 }, { version: 2, storage_key: key }, { version: 3 }],
    })
    expect(await countUnfollowed(beside.service)).toBe(0)
  })

  it('a decision on the previous version is rejected, since another version is current', async () => {
    const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
    const administrator = await makePerson(beside.service.app, { role: 'admin' })
    const seen = await callDocuments(beside.service.url, beside.firm, administrator, `/${id}`)
    await nameOtherBytes(id)

    const decided = await callDocuments(beside.service.url, beside.firm, administrator, `/${id}/review`, {
      method: 'PUT',
      body: JSON.stringify({ decision: 'verify' }),
      headers: { 'content-type': 'application/json', 'if-match': seen.headers.get('etag') ?? '' },
    })

    expect(decided.status).toBe(412)
    expect((await rows(id)).versions).toMatchObject([{ review_status: 'pending' }])
  })
})

/**
 * The platform replaces the file while its trigger cannot follow, because a transaction has locked our row for too
 * long.
 */
async function nameOtherBytes(id: string): Promise<string> {
  const key = platformKey(beside.firm)
  const locking = await db().startTransaction().execute()
  await sql`select from documents where id = ${id}::uuid for update`.execute(locking)
  await beside.platform.query(`update firm_documents set file_path = $2, file_name = 'other.pdf' where id = $1`, [
    id,
    key,
  ])
  await locking.rollback().execute()
  return key
}
