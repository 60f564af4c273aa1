import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { serverWithRoutes } from '../../../support/service/server-with-routes.ts'
import { describeCheck } from '../../describe-check.ts'

const scene = serverWithRoutes()

/** The calls on a document; each line is one route. */
const asks: Record<string, () => { path: string; init?: RequestInit }> = {
  'GET ': () => ({ path: '' }),
  'GET /download': () => ({ path: '/download?disposition=inline' }),
  'GET /events': () => ({ path: '/events' }),
  'GET /versions': () => ({ path: '/versions' }),
  'GET /versions/:n/download': () => ({ path: '/versions/1/download' }),
  'POST /versions': () => ({ path: '/versions', init: { method: 'POST', body: formWithFile() } }),
  'POST /versions/:n/restore': () => ({ path: '/versions/1/restore', init: { method: 'POST' } }),
  'PUT /review': () => ({
    path: '/review',
    init: {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'if-match': '"x"' },
      body: JSON.stringify({ decision: 'verify' }),
    },
  }),
  'GET /disposal': () => ({ path: '/disposal' }),
  'PATCH /disposal': () => ({
    path: '/disposal',
    init: {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ hold: true, reason: 'somebody else’s' }),
    },
  }),
  'DELETE ': () => ({ path: '', init: { method: 'DELETE' } }),
  'POST /restore': () => ({ path: '/restore', init: { method: 'POST' } }),
}

describeCheck(2, () => {
  it('every documents call is tested here', () => {
    const root = '/api/v1/security-firms/:firm_id/documents/:id'
    const served = scene.server.servedRoutes
      .filter(({ method, url }) => url.startsWith(root) && method !== 'HEAD')
      .map(({ method, url }) => `${method} ${url.slice(root.length)}`)

    expect(served.toSorted()).toEqual(Object.keys(asks).toSorted())
  })

  it.each(Object.keys(asks))(
    'by its real id, in its firm: %s gets the same denial as in any other firm',
    async (name) => {
      const { document, firm, outsider } = await documentAndOutsider()
      const heard = await ask(name, firm, document.id, outsider)

      expect(heard).toMatchObject({ status: 403, code: 'not_a_member' })
      expect(await ask(name, firm, randomUUID(), outsider)).toEqual(heard)
      expect(await ask(name, randomUUID(), document.id, outsider)).toEqual(heard)
      await expectUntouched(firm, document)
    },
  )

  it.each(Object.keys(asks))(
    'by its real id, in the caller’s firm: %s gets the answer of a missing document',
    async (name) => {
      const { document, firm, outsider, ownFirm } = await documentAndOutsider()
      const heard = await ask(name, ownFirm, document.id, outsider)

      // Reviews and holds are for administrators, for any document.
      expect(heard).toMatchObject(
        ['PUT /review', 'PATCH /disposal'].includes(name)
          ? { status: 403, code: 'forbidden' }
          : { status: 404, code: 'not_found' },
      )
      expect(await ask(name, ownFirm, randomUUID(), outsider)).toEqual(heard)
      await expectUntouched(firm, document)
    },
  )

  it('lists contain neither', async () => {
    const { firm, outsider, ownFirm } = await documentAndOutsider()
    const refused = await callDocuments(scene.url, firm, outsider)

    expect([refused.status, (await problemOf(refused)).code]).toEqual([403, 'not_a_member'])
    expect(await (await callDocuments(scene.url, ownFirm, outsider)).json()).toEqual([])
  })
})

async function documentAndOutsider() {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { firm: ownFirm, admin: outsider } = await firmWithAdmin(scene.service)
  return { document: await uploadDocument(scene.url, firm, admin), firm, admin, ownFirm, outsider }
}

async function ask(name: string, firm: string, id: string, person: Parameters<typeof callDocuments>[2]) {
  const { path = '', init } = asks[name]?.() ?? {}
  const answer = await callDocuments(scene.url, firm, person, `/${id}${path}`, init)
  const { code, detail } = await problemOf(answer)
  return { status: answer.status, code, detail }
}

/** One version, as it was uploaded, and not in the trash. */
async function expectUntouched(firm: string, { id, sha256 }: { id: string; sha256: string | null }): Promise<void> {
  const { db } = scene.service.app
  const versions = await db
    .selectFrom('document_versions')
    .innerJoin('documents', 'documents.id', 'document_versions.document_id')
    .select(['version', 'sha256', 'review_status', 'documents.firm_id', 'deleted_at'])
    .where('document_id', '=', id as never) // the id is from the service itself
    .execute()
  expect(versions).toEqual([{ version: 1, sha256, review_status: 'pending', firm_id: firm, deleted_at: null }])
}

function formWithFile(): FormData {
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(makePdf({ seed: 'of somebody else' }))]), 'licence.pdf')
  return form
}
