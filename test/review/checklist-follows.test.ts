import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { beforeEach, expect, it } from 'vitest'

import type { ChecklistShape } from '../../src/contract/review.ts'
import type { DocumentId, FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call } from '../people/call-people.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { deleteDocumentRow, insertDocumentRow, updateDocumentRow } from '../support/platform/platform-documents.ts'
import { openGround, startBeside } from '../support/platform/platform-scene.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => {
  const ground = await openGround()
  closing.defer(() => ground.remove())
  const { service } = await startBeside(ground)
  closing.defer(() => service.stop())
  return { platform: ground.platform, service, administrator: await makePerson(service.app, { role: 'admin' }) }
})

let firm: FirmId
let admin: Person
beforeEach(async () => {
  const { app } = scene.service
  firm = await makeFirm(app)
  admin = await makeMember(app, firm)
})

/** What the checklist has, without the missing types. */
async function present(of = firm, person = admin) {
  const answer = await call(scene.service.url, `GET /security-firms/${of}/checklist`, { headers: person.headers })
  const { items } = answer.body as ChecklistShape
  return items
    .filter(({ state }) => state !== 'missing')
    .map(({ document_type: type, state, document_id: id, version }) => ({ type, state, id, version }))
}

/** A document whose first version is verified, and whose second one waits. */
async function renewedDocument(): Promise<DocumentId> {
  const { url } = scene.service
  const { id } = await uploadDocument(url, firm, admin, { type: 'annual_return' })
  const decided = await reviewDocument(url, { firm, id }, scene.administrator, { decision: 'verify' })
  expect(decided.status).toBe(200)
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(makePdf({ seed: randomUUID() }))]), 'newer.pdf')
  expect((await callDocuments(url, firm, admin, `/${id}/versions`, { method: 'POST', body: form })).status).toBe(201)
  return id as DocumentId // of an answer
}

it('a document that the platform inserts, verifies, changes, deletes and inserts again counts as its row says', async () => {
  const { platform } = scene
  const id = await insertDocumentRow(platform, firm, { document_type: 'tax_clearance' })
  expect(await present()).toEqual([{ type: 'tax_clearance', state: 'pending', id, version: 1 }])
  await updateDocumentRow(platform, { id }, { is_verified: true })
  expect(await present()).toEqual([{ type: 'tax_clearance', state: 'verified', id, version: 1 }])
  await updateDocumentRow(platform, { id }, { document_type: 'annual_return' })
  expect(await present()).toEqual([{ type: 'annual_return', state: 'verified', id, version: 1 }])
  const { rows } = await platform.query('select * from firm_documents where id = $1', [id])
  await deleteDocumentRow(platform, { id })
  expect(await present()).toEqual([])
  await insertDocumentRow(platform, firm, { ...(rows[0] as object), document_type: 'bee_certificate' })
  expect(await present()).toEqual([{ type: 'bee_certificate', state: 'verified', id, version: 1 }])
})

it('of a document in another type or firm the version in force counts there', async () => {
  const { platform, service } = scene
  const id = await renewedDocument()
  await updateDocumentRow(platform, { id }, { document_type: 'bee_certificate' })
  expect(await present()).toMatchObject([{ type: 'bee_certificate', id, version: 1 }])

  const other = await makeFirm(service.app)
  await updateDocumentRow(platform, { id }, { firm_id: other })
  expect(await present()).toEqual([])
  expect(await present(other, await makeMember(service.app, other))).toMatchObject([
    { type: 'bee_certificate', id, version: 1 },
  ])
})

it('new content of the platform for a verified document counts as its version', async () => {
  const { platform } = scene
  const id = await insertDocumentRow(platform, firm, { document_type: 'tax_clearance', is_verified: true })
  const change = { file_path: `security_firms/${firm}/tax_clearance_${randomUUID()}.pdf`, is_verified: false }
  await updateDocumentRow(platform, { id }, change)
  expect(await present()).toEqual([{ type: 'tax_clearance', state: 'pending', id, version: 2 }])
})

it('a document that comes back from the trash counts again with all its versions', async () => {
  const { url, app } = scene.service
  const id = await renewedDocument()
  const remove = await callDocuments(url, firm, admin, `/${id}`, { method: 'DELETE' })
  expect([remove.status, await present()]).toEqual([204, []])
  await callDocuments(url, firm, admin, `/${id}/restore`, { method: 'POST' })
  expect(await present()).toMatchObject([{ type: 'annual_return', id, version: 1 }])
  await sql`update document_versions set bytes_state = 'missing' where document_id = ${id} and version = 1`.execute(
    app.db,
  )
  expect(await present()).toEqual([{ type: 'annual_return', state: 'pending', id, version: 2 }])
})
