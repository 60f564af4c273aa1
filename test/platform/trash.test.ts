import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument, restoreDocument } from '../support/documents/call-trash.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { deleteDocumentRow, insertPlatformDocument } from '../support/platform/platform-documents.ts'
import { compareAllRows, download, listedBy, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'

const beside = serviceBeside()

const rowOf = async (id: string): Promise<unknown> =>
  (await beside.platform.query('select to_jsonb(f)::text as row from firm_documents f where id = $1', [id])).rows[0]
const call = (verb: typeof deleteDocument, id: string) =>
  verb(beside.service.url, { firm: beside.firm, id }, beside.admin)
const compareAll = () => compareAllRows(beside.service)

describe('the platform’s row in firm_documents', () => {
  it('of its own verified document with an unknown column is deleted in the trash, and restored to the microsecond', async () => {
    await beside.platform.query(
      `alter table firm_documents add column if not exists note text, add column if not exists loud text generated always as (upper(note)) stored`,
    )
    const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm, {
      row: { is_verified: true, verified_by: beside.admin.id, verified_at: '2026-03-01T08:30:00.123456Z' },
    })
    await beside.platform.query(
      `update firm_documents set note = 'of the platform', updated_at = '2026-03-02' where id = $1`,
      [id],
    )
    const before = await rowOf(id)
    expect(JSON.stringify(before)).toContain('OF THE PLATFORM')

    expect((await call(deleteDocument, id)).status).toBe(204)
    await compareAll()
    expect(await rowOf(id)).toBeUndefined()
    expect(await rowsOf(beside.service, id)).toMatchObject({ documents: [{ deleted_by: beside.admin.id }] })

    const restored = await call(restoreDocument, id)
    expect(await restored.json()).toMatchObject({ is_verified: true, verified_at: '2026-03-01T08:30:00.123Z' })
    await compareAll()
    expect(await rowOf(id)).toEqual(before)
    const { documents, versions, actions } = await rowsOf(beside.service, id)
    expect(documents).toMatchObject([{ deleted_at: null, trashed_row: null }])
    expect(versions).toHaveLength(1)
    expect(actions.filter((action) => /deleted|restored|version/.test(action))).toEqual([
      'document.deleted',
      'document.restored',
    ])
  })

  it('of a document with a newer version shows the newest one', async () => {
    const { id } = await uploadDocument(beside.service.url, beside.firm, beside.admin)
    await addVersion(beside.service.url, { firm: beside.firm, id }, beside.admin, { fileName: 'second.pdf' })
    const before = await rowOf(id)
    await call(deleteDocument, id)
    await call(restoreDocument, id)
    expect(await rowOf(id)).toEqual(before)
  })
})

it('that the platform deleted is restored here, and its file is served if it exists', async () => {
  const { id, bytes } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
  await deleteDocumentRow(beside.platform, { id })
  expect((await listedBy(beside.service, beside.firm, beside.admin)).map((each) => each.id)).not.toContain(id)

  expect((await call(restoreDocument, id)).status).toBe(200)
  await compareAll()
  expect(await rowOf(id)).toBeDefined()
  expect((await download(beside.service, beside.firm, beside.admin, id)).bytes).toEqual(bytes)
})

it('that the platform deleted with its bytes cannot be restored: 410', async () => {
  const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
  await deleteDocumentRow(beside.platform, { id })
  await beside.service.app.db
    .updateTable('document_versions')
    .set({ bytes_state: 'removed' })
    .where('document_id', '=', id)
    .execute()

  expect((await call(restoreDocument, id)).status).toBe(410)
  expect(await rowOf(id)).toBeUndefined()
})

it('that the platform inserts again is its current one, also after it deletes it again', async () => {
  const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
  await call(deleteDocument, id)
  await insertAgain(id, 'again.pdf')
  await deleteDocumentRow(beside.platform, { id })
  expect((await call(restoreDocument, id)).status).toBe(200)
  expect(JSON.stringify(await rowOf(id))).toContain('again.pdf')
})

async function insertAgain(id: string, fileName: string): Promise<void> {
  await beside.platform.query(
    `insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified)
     select d.id, d.firm_id, d.document_type, $2, v.storage_key, v.file_size, v.mime_type, v.uploaded_by, false
     from documents d join document_versions v on v.document_id = d.id where d.id = $1`,
    [id, fileName],
  )
}

it('with other content that was not followed before the deletion is restored as a new version', async () => {
  const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
  const { db } = beside.service.app
  const key = `security_firms/${beside.firm}/new_${id}.pdf`
  const locking = await db.startTransaction().execute()
  await sql`select from documents where id = ${id}::uuid for update`.execute(locking)
  await beside.platform.query(`update firm_documents set file_path = $2, file_name = 'new.pdf' where id = $1`, [
    id,
    key,
  ])
  await locking.rollback().execute()
  const before = await rowOf(id)

  expect((await call(deleteDocument, id)).status).toBe(204)
  expect((await call(restoreDocument, id)).status).toBe(200)

  expect(await rowOf(id)).toEqual(before)
  expect((await rowsOf(beside.service, id)).versions.at(-1)).toMatchObject({ version: 2, storage_key: key })
})
