import { expect, it } from 'vitest'

import type { DocumentShape, EventShape } from '../../src/contract/documents.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument, restoreDocument } from '../support/documents/call-trash.ts'
import { addVersion, readVersion, restoreVersion } from '../support/documents/call-versions.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeMember, makePerson } from '../support/people/people.ts'
import { compareWithPlatform } from '../support/platform/compare-with-platform.ts'

const stores = serviceOnBothStores()

type Where = 'onS3' | 'onDisk'

async function upload(where: Where = 'onDisk') {
  const { firm, admin } = await firmWithAdmin(stores[where])
  const bytes = makePdf({ seed: crypto.randomUUID() })
  const { id } = await uploadDocument(stores[where].url, firm, admin, { bytes })
  return { firm, admin, id, bytes }
}

async function answerTo(answer: Response | Promise<Response>): Promise<string> {
  const { status, ...rest } = await problemOf(await answer)
  return `${status} ${rest.code}`
}

for (const where of ['onS3', 'onDisk'] as const)
  it(`a deleted document is nobody's until it is restored, and is then what it was (${where})`, async () => {
    const { app, url } = stores[where]
    const { firm, admin, id, bytes } = await upload(where)
    await addVersion(url, { firm, id }, admin, { bytes: makePdf({ seed: 'second' }) })
    const call = (path: string, init?: RequestInit) => callDocuments(url, firm, admin, path, init)
    const before = await call(`/${id}`)
    const shown = async () => (await call('')).json() as Promise<DocumentShape[]>

    const deleted = await deleteDocument(url, { firm, id }, admin)
    expect([deleted.status, await deleted.text()]).toEqual([204, ''])
    expect(await shown()).toEqual([])
    expect(await (await call('?include=deleted')).json()).toMatchObject([{ id, deleted_at: expect.any(String) }])
    expect(await (await call(`/${id}`)).json()).toMatchObject({ id, version: 2, deleted_at: expect.any(String) })
    expect(await compareWithPlatform(app, id)).toEqual([])
    for (const refused of [
      call(`/${id}/download`),
      call(`/${id}/versions/1/download`),
      addVersion(url, { firm, id }, admin),
      restoreVersion(url, { firm, id }, admin, 1),
    ])
      expect(await answerTo(refused)).toBe('410 gone')

    const restored = await restoreDocument(url, { firm, id }, admin)
    expect(restored.status).toBe(200)
    expect(restored.headers.get('etag')).toBe(before.headers.get('etag'))
    expect(await restored.json()).toEqual(await before.json())
    expect(await shown()).toMatchObject([{ id, deleted_at: null }])
    expect(await compareWithPlatform(app, id)).toEqual([])
    expect(await readVersion(url, { firm, id }, admin, 1)).toEqual(bytes)
    const history = (await (await call(`/${id}/events`)).json()) as EventShape[]
    const recorded = history.filter(({ action, outcome }) => /deleted|restored/.test(action) && outcome === 'ok')
    expect(recorded).toMatchObject([
      { action: 'document.restored', actor_id: admin.id, version: 2 },
      { action: 'document.deleted', actor_id: admin.id, version: 2 },
    ])
  })

it('a second deletion, and a restore of what is not in the trash, change nothing and are no failure', async () => {
  const { url } = stores.onDisk
  const { firm, admin, id } = await upload()
  const look = async () => (await (await callDocuments(url, firm, admin, `/${id}`)).json()) as DocumentShape

  expect((await restoreDocument(url, { firm, id }, admin)).status).toBe(200)
  expect((await deleteDocument(url, { firm, id }, admin)).status).toBe(204)
  const once = await look()
  expect((await deleteDocument(url, { firm, id }, admin)).status).toBe(204)
  expect(await look()).toEqual(once)
  const events = (await (await callDocuments(url, firm, admin, `/${id}/events`)).json()) as EventShape[]
  expect(events.filter(({ action }) => /deleted|restored/.test(action))).toHaveLength(1)
})

it('of two deletions and two restores at once, each leaves one line in the trail', async () => {
  const { url } = stores.onDisk
  const { firm, admin, id } = await upload()
  for (const call of [deleteDocument, restoreDocument]) {
    const answers = await Promise.all([1, 2, 3].map(() => call(url, { firm, id }, admin)))
    expect(answers.every(({ ok }) => ok)).toBe(true)
  }
  const events = (await (await callDocuments(url, firm, admin, `/${id}/events`)).json()) as EventShape[]
  const recorded = events.filter(({ action }) => /deleted|restored/.test(action))
  expect(recorded.map(({ action }) => action)).toEqual(['document.restored', 'document.deleted'])
})

it('the uploader may, until a version is verified; other members with the same role may not', async () => {
  const { app, url } = stores.onDisk
  const { firm } = await firmWithAdmin(stores.onDisk)
  const uploader = await makeMember(app, firm, 'field_staff')
  const colleague = await makeMember(app, firm, 'firm_user')
  const supervisor = await makeMember(app, firm, 'firm_supervisor')
  const { id } = await uploadDocument(url, firm, uploader)
  const of = { firm, id }

  expect(await answerTo(deleteDocument(url, of, colleague))).toBe('403 forbidden')
  expect((await deleteDocument(url, of, uploader)).status).toBe(204)
  expect(await answerTo(restoreDocument(url, of, colleague))).toBe('403 forbidden')
  expect((await restoreDocument(url, of, uploader)).status).toBe(200)

  await app.db
    .updateTable('firm_documents')
    .set({ is_verified: true })
    .where('id', '=', id as DocumentId)
    .execute()
  // A newer version is not verified; the document was.
  await addVersion(url, of, uploader)
  expect(await answerTo(deleteDocument(url, of, uploader))).toBe('403 forbidden')
  expect((await deleteDocument(url, of, supervisor)).status).toBe(204)
  expect(await answerTo(restoreDocument(url, of, uploader))).toBe('403 forbidden')
  expect((await restoreDocument(url, of, supervisor)).status).toBe(200)
})

it('a colleague who only added a version has no right to the whole', async () => {
  const { app, url } = stores.onDisk
  const { firm, id } = await upload()
  const colleague = await makeMember(app, firm, 'firm_user')
  expect((await addVersion(url, { firm, id }, colleague)).status).toBe(201)
  expect(await answerTo(deleteDocument(url, { firm, id }, colleague))).toBe('403 forbidden')
})

it('nothing in the trash is reviewed, and the attempt is recorded in the trail', async () => {
  const { app, url } = stores.onDisk
  const { firm, admin, id } = await upload()
  const administrator = await makePerson(app, { role: 'admin' })
  await deleteDocument(url, { firm, id }, admin)
  const etag = (await callDocuments(url, firm, administrator, `/${id}`)).headers.get('etag') ?? ''
  const reviewed = callDocuments(url, firm, administrator, `/${id}/review`, {
    method: 'PUT',
    body: JSON.stringify({ decision: 'verify' }),
    headers: { 'content-type': 'application/json', 'if-match': etag },
  })
  expect(await answerTo(reviewed)).toBe('410 gone')

  const colleague = await makeMember(app, firm, 'firm_user')
  await restoreDocument(url, { firm, id }, colleague)
  const events = (await (await callDocuments(url, firm, admin, `/${id}/events`)).json()) as EventShape[]
  expect(events).toMatchObject([
    { action: 'document.history_viewed' },
    { action: 'document.restored', outcome: 'forbidden', actor_id: colleague.id },
    { action: 'document.reviewed', outcome: 'gone' },
    { action: 'document.viewed' },
    { action: 'document.deleted', outcome: 'ok' },
    { action: 'document.uploaded' },
  ])
})

it('the same bytes uploaded again are no duplicate of a document in the trash', async () => {
  const { url } = stores.onDisk
  const { firm, admin, id, bytes } = await upload()
  await deleteDocument(url, { firm, id }, admin)
  const again = await uploadDocument(url, firm, admin, { bytes })
  expect(again).not.toHaveProperty('duplicate_of')
})
