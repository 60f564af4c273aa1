import { insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import {
  deleteDocumentRow,
  insertDocumentRow,
  insertPlatformDocument,
  platformKey,
  putPlatformFile,
  updateDocumentRow,
} from '../support/platform/platform-documents.ts'
import { insertFirm } from '../support/platform/platform-people.ts'
import { countUnfollowed, download, listedBy, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'

const beside = serviceBeside()

const upload = (wish: Parameters<typeof insertPlatformDocument>[3] = {}) =>
  insertPlatformDocument(beside.platform, beside.files, beside.firm, wish)
const view = async (id: string) => {
  const answer = await callDocuments(beside.service.url, beside.firm, beside.admin, `/${id}`)
  return (await answer.json()) as Record<string, unknown>
}
const codeOfDownload = async (id: string) =>
  (await problemOf(await callDocuments(beside.service.url, beside.firm, beside.admin, `/${id}/download`))).code
const rows = (id: string) => rowsOf(beside.service, id)

describe('a row that the platform inserts while the service runs', () => {
  it('is listed, shown and downloaded at the next request, and its history names the platform', async () => {
    const { id, bytes } = await upload()
    const [newest] = await listedBy(beside.service, beside.firm, beside.admin)
    const file = await download(beside.service, beside.firm, beside.admin, id)

    expect(newest).toMatchObject({ id, version: 1, file_size: bytes.length, storage: 's3', scan_status: 'skipped' })
    expect(file.bytes.equals(bytes)).toBe(true)
    expect((await rows(id)).actions.slice(0, 1)).toEqual(['document.adopted'])
  })

  it('is effective after its commit, and not before or after a rollback', async () => {
    await beside.platform.query('begin')
    const id = await insertDocumentRow(beside.platform, beside.firm, {})
    const during = await callDocuments(beside.service.url, beside.firm, beside.admin, `/${id}`)
    await beside.platform.query('rollback')

    expect(during.status).toBe(404)
    expect(await rows(id)).toMatchObject({ documents: [], versions: [] })
  })

  it('may be one of a thousand in a statement', async () => {
    const ground = await insertFirmWithAdmin(beside)
    await beside.platform.query(
      `insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified)
       select gen_random_uuid(), $1::uuid, 'tax_clearance', 'a.pdf', 'security_firms/' || $1::text || '/a_' || gen_random_uuid() || '.pdf',
         1000, 'application/pdf', gen_random_uuid(), false from generate_series(1, 1000)`,
      [ground.firm],
    )
    const { rows: counts } = await sql<{ n: number }>`
      select count(*)::int as n from documents where firm_id = ${ground.firm}::uuid`.execute(beside.service.app.db)

    expect(counts).toEqual([{ n: 1000 }])
    expect(await listedBy(beside.service, ground.firm, ground.admin)).toHaveLength(200)
  })
})

describe('a row that the platform updates', () => {
  it('as verified is verified here, with its person and time; a withdrawn verification is pending again', async () => {
    const { id } = await upload()
    const reviewer = randomUUID()
    const at = new Date('2026-03-01T10:00:00Z')
    await updateDocumentRow(beside.platform, { id }, { is_verified: true, verified_by: reviewer, verified_at: at })
    expect(await view(id)).toMatchObject({
      is_verified: true,
      review_status: 'verified',
      verified_at: at.toISOString(),
    })
    expect((await rows(id)).versions).toMatchObject([{ reviewed_by: reviewer }])

    await updateDocumentRow(beside.platform, { id }, { is_verified: false, verified_by: null, verified_at: null })
    expect(await view(id)).toMatchObject({ is_verified: false, review_status: 'pending', verified_at: null })
  })

  it('with another name, format or type has that here', async () => {
    const { id } = await upload()
    const change = { file_name: 'renamed.pdf', mime_type: 'image/png', document_type: 'bank_statement' }
    await updateDocumentRow(beside.platform, { id }, change)

    expect(await view(id)).toMatchObject({ ...change, version: 1 })
  })

  it('with another file is a new unverified version; the previous one stays version 1', async () => {
    const { id, filePath } = await upload({ row: { is_verified: true, verified_at: new Date() } })
    const bytes = makePdf({ bytes: 5000 })
    const file_path = platformKey(beside.firm)
    await putPlatformFile(beside.files, file_path, bytes)
    await updateDocumentRow(beside.platform, { id }, { file_path, file_size: bytes.length, is_verified: false })
    const file = await download(beside.service, beside.firm, beside.admin, id)

    expect(await view(id)).toMatchObject({ version: 2, is_verified: false, file_size: bytes.length })
    expect(file.bytes.equals(bytes)).toBe(true)
    expect((await rows(id)).versions).toMatchObject([
      { version: 1, storage_key: filePath, review_status: 'verified' },
      { version: 2, storage_key: file_path },
    ])
  })

  it('from its disk to S3 is the same version there, and its old file is not an orphan', async () => {
    const { id, bytes, filePath } = await upload({ filePath: `uploads/${platformKey(beside.firm)}` })
    const file_path = platformKey(beside.firm)
    await putPlatformFile(beside.files, file_path, bytes)
    await updateDocumentRow(beside.platform, { id }, { file_path })
    const file = await download(beside.service, beside.firm, beside.admin, id)

    expect(await view(id)).toMatchObject({ version: 1, storage: 's3' })
    expect(file.bytes.equals(bytes)).toBe(true)
    const blobs = await beside.service.app.db
      .selectFrom('document_blobs')
      .selectAll()
      .where('document_id', '=', id)
      .execute()
    expect(blobs.toSorted((a, b) => a.store.localeCompare(b.store))).toMatchObject([
      { state: 'leaving', storage_key: filePath.slice('uploads/'.length), store: 'local', due_at: Infinity },
      { state: 'live', storage_key: file_path, store: 's3' },
    ])
  })

  it('with bytes of another length under the same key has no hash until they were read', async () => {
    const { id } = await upload()
    await sql`update document_versions set sha256 = repeat('a', 64) where document_id = ${id}`.execute(
      beside.service.app.db,
    )
    await updateDocumentRow(beside.platform, { id }, { file_size: 4321 })

    expect(await view(id)).toMatchObject({ version: 1, file_size: 4321, sha256: null })
  })

  it('to another firm belongs to that firm, with its versions', async () => {
    const other = await insertFirmWithAdmin(beside)
    const { id } = await upload()
    await updateDocumentRow(beside.platform, { id }, { firm_id: other.firm })

    expect((await callDocuments(beside.service.url, beside.firm, beside.admin, `/${id}`)).status).toBe(404)
    expect((await listedBy(beside.service, other.firm, other.admin)).map((each) => each.id)).toEqual([id])
    expect((await rows(id)).versions).toMatchObject([{ firm_id: other.firm, version: 1 }])
  })

  it('without a change writes nothing', async () => {
    const { id } = await upload()
    const before = await rows(id)
    await beside.platform.query('update firm_documents set file_name = file_name, updated_at = now() where id = $1', [
      id,
    ])

    expect(await rows(id)).toEqual(before)
  })
})

describe('a row that the platform deletes', () => {
  it('moves its document to the trash, which is restored unchanged when the platform inserts it again', async () => {
    const { id, filePath, bytes } = await upload()
    await deleteDocumentRow(beside.platform, { id })
    expect(await codeOfDownload(id)).toBe('gone')
    expect((await rows(id)).documents).toMatchObject([{ deleted_at: expect.any(Date), deleted_by: null }])

    await insertDocumentRow(beside.platform, beside.firm, { id, file_path: filePath, file_size: bytes.length })
    expect((await download(beside.service, beside.firm, beside.admin, id)).bytes.equals(bytes)).toBe(true)
    expect((await rows(id)).versions).toHaveLength(1)
  })

  it('may be of a document uploaded here, and be deleted together with its firm', async () => {
    const own = await uploadDocument(beside.service.url, beside.firm, beside.admin)
    await deleteDocumentRow(beside.platform, { id: own.id as never })
    expect(await codeOfDownload(own.id)).toBe('gone')

    const doomed = await insertFirm(beside.platform)
    const id = await insertDocumentRow(beside.platform, doomed, {})
    await beside.platform.query('delete from firm_documents where firm_id = $1', [doomed])
    await beside.platform.query('delete from security_firms where id = $1', [doomed])
    expect((await rows(id)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  })

  it('may be one of all in a TRUNCATE, which can be undone', async () => {
    const { id } = await upload()
    await beside.platform.query('begin')
    await beside.platform.query('truncate firm_documents')
    await beside.platform.query('rollback')
    expect(await view(id)).toMatchObject({ id, deleted_at: null })

    await beside.platform.query('truncate firm_documents')
    expect(await codeOfDownload(id)).toBe('gone')
    expect(await listedBy(beside.service, beside.firm, beside.admin)).toEqual([])
  })
})

describe('a document that is uploaded here', () => {
  it('is not followed as a change of the platform: one version, one event, no note', async () => {
    const { id } = await uploadDocument(beside.service.url, beside.firm, beside.admin)

    expect(await rows(id)).toMatchObject({
      versions: [{ version: 1, is_platforms: false }],
      actions: ['document.uploaded'],
    })
    expect(await countUnfollowed(beside.service)).toBe(0)
  })

  it('can be verified, replaced and renamed by the platform', async () => {
    const { id, sha256 } = await uploadDocument(beside.service.url, beside.firm, beside.admin)
    const bytes = makePdf({ bytes: 7000 })
    const file_path = platformKey(beside.firm)
    await putPlatformFile(beside.files, file_path, bytes)
    await updateDocumentRow(beside.platform, { id: id as never }, { is_verified: true, file_name: 'seen.pdf' })
    expect(await view(id)).toMatchObject({ version: 1, is_verified: true, file_name: 'seen.pdf', sha256 })

    await updateDocumentRow(beside.platform, { id: id as never }, { file_path, file_size: bytes.length })
    expect(await view(id)).toMatchObject({ version: 2, sha256: null })
  })
})

it('the platform’s role needs no right on our tables', async () => {
  const role = `test_platform_${randomUUID().slice(0, 8)}`
  const tables = 'registered_users, security_firms, firm_users, document_types, firm_documents'
  const { DATABASE_OWNER_URL } = beside.database.settings
  const admins = new Client({ connectionString: beside.database.adminUrl })
  await admins.connect()
  await admins.query(`create role ${role} login password 'x'`)
  await beside.platform.query(`grant select, insert, update, delete, truncate on ${tables} to ${role}`)
  const client = new Client({
    connectionString: Object.assign(new URL(DATABASE_OWNER_URL), { username: role, password: 'x' }).href,
  })
  await client.connect()
  try {
    await expect(client.query('select from documents')).rejects.toThrow('permission denied')
    const id = await insertDocumentRow(client, beside.firm, {})
    await updateDocumentRow(client, { id }, { is_verified: true })
    await deleteDocumentRow(client, { id })
    expect((await rows(id)).actions).toEqual(['document.adopted', 'document.changed', 'document.deleted'])
  } finally {
    await client.end()
    await beside.platform.query(`revoke all on ${tables} from ${role}`)
    await admins.query(`drop role ${role}`)
    await admins.end()
  }
})
