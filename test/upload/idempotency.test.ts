import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadFile } from '../support/documents/call-documents.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { addMember, makeFirm, makeMember } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ MAX_UPLOAD_BYTES: '40000000' })
})
afterAll(async () => service.stop())

async function firmWithAdmin() {
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)
  return { firm, admin }
}

const filesOf = async (firm: string) =>
  (await listFolder(`${service.folder}/uploads/security_firms/${firm}`)).filter(({ kind }) => kind === 'file')
const documentOf = async (response: Response) => (await response.json()) as DocumentShape
const key = (value: string) => ({ headers: { 'idempotency-key': value } })

describe('a file uploaded again under the same idempotency key', () => {
  it('gets the first document, and is stored once', async () => {
    const { firm, admin } = await firmWithAdmin()
    const first = await uploadFile(service.url, firm, admin, key('k1'))
    const second = await uploadFile(service.url, firm, admin, key('k1'))
    expect([first.status, second.status]).toEqual([201, 201])
    expect((await documentOf(second)).id).toBe((await documentOf(first)).id)
    expect(await filesOf(firm)).toHaveLength(1)
  })

  it.each([
    ['small', 100_000],
    ['large', 20_000_000],
  ])('ten times at once, %s, is stored once and gets ten equal answers', async (_size, bytes) => {
    const { firm, admin } = await firmWithAdmin()
    const file = makePdf({ bytes })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => uploadFile(service.url, firm, admin, { bytes: file, ...key('k2') })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201))
    const ids = await Promise.all(answers.map(async (answer) => (await documentOf(answer)).id))
    expect(new Set(ids).size).toBe(1)
    expect(await filesOf(firm)).toHaveLength(1)
    expect(
      await service.app.db.selectFrom('document_blobs').select('state').where('firm_id', '=', firm).execute(),
    ).toEqual([{ state: 'live' }])
  })

  it('concurrently takes the last free place of its firm once: no request gets quota_exceeded', async () => {
    const { firm, admin } = await firmWithAdmin()
    await sql`insert into document_quotas (firm_id, max_documents) values (${firm}, 1)`.execute(service.app.db)
    const repeat = () => uploadFile(service.url, firm, admin, key('k8'))

    const answers = await Promise.all(Array.from({ length: 10 }, repeat))
    const other = await uploadFile(service.url, firm, admin, { bytes: makePdf({ seed: 'other' }), ...key('k9') })

    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201))
    expect([other.status, (await problemOf(other)).code]).toEqual([429, 'quota_exceeded'])
    expect(await filesOf(firm)).toHaveLength(1)
  })

  it('with another file or type is a conflict, and changes nothing', async () => {
    const { firm, admin } = await firmWithAdmin()
    await uploadFile(service.url, firm, admin, key('k3'))
    const otherFile = await uploadFile(service.url, firm, admin, { bytes: makePdf({ seed: 'other' }), ...key('k3') })
    const otherType = await uploadFile(service.url, firm, admin, { type: 'tax_clearance', ...key('k3') })
    expect([otherFile.status, (await problemOf(otherFile)).code, otherType.status]).toEqual([409, 'conflict', 409])
    expect(await filesOf(firm)).toHaveLength(1)
  })

  it('by another person or in another firm creates another document', async () => {
    const { firm, admin } = await firmWithAdmin()
    const colleague = await makeMember(service.app, firm)
    const other = await makeFirm(service.app)
    await addMember(service.app, other, admin)
    const answers = [
      await uploadFile(service.url, firm, admin, key('k4')),
      await uploadFile(service.url, firm, colleague, key('k4')),
      await uploadFile(service.url, other, admin, key('k4')),
    ]
    const ids = await Promise.all(answers.map(async (answer) => (await documentOf(answer)).id))
    expect(new Set(ids).size).toBe(3)
  })

  it('after seven days creates a new document; for a deleted document it is a conflict', async () => {
    const { firm, admin } = await firmWithAdmin()
    const { db } = service.app
    const first = await documentOf(await uploadFile(service.url, firm, admin, key('k6')))
    await db
      .updateTable('document_idempotency_keys')
      .set({ created_at: new Date(Date.now() - 8 * 86_400_000) })
      .where('firm_id', '=', firm)
      .execute()
    const second = await documentOf(
      await uploadFile(service.url, firm, admin, { bytes: makePdf({ seed: 'new' }), ...key('k6') }),
    )
    await db
      .deleteFrom('documents')
      .where('id', '=', second.id as DocumentId)
      .execute()
    const gone = await uploadFile(service.url, firm, admin, { bytes: makePdf({ seed: 'new' }), ...key('k6') })
    expect(second.id).not.toBe(first.id)
    expect([gone.status, (await problemOf(gone)).detail]).toEqual([409, expect.stringContaining('was removed')])
  })

  it('after an error is processed again: errors are not stored', async () => {
    const { firm, admin } = await firmWithAdmin()
    const refused = await uploadFile(service.url, firm, admin, { bytes: Buffer.from('no document'), ...key('k5') })
    const taken = await uploadFile(service.url, firm, admin, key('k5'))
    expect([refused.status, taken.status]).toEqual([415, 201])
    expect(((await (await callDocuments(service.url, firm, admin)).json()) as unknown[]).length).toBe(1)
  })
})
