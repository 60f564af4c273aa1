import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

async function firmWith(count: number) {
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)
  const documents: DocumentShape[] = []
  for (let n = 0; n < count; n += 1)
    documents.push(
      await uploadDocument(service.url, firm, admin, {
        fileName: `${n}.pdf`,
        bytes: makePdf({ seed: `${n}` }),
        type: n % 2 === 0 ? 'tax_clearance' : 'bank_statement',
      }),
    )
  return { firm, admin, newestFirst: documents.toReversed() }
}

it('a firm sees its documents, newest first, and no document of another firm', async () => {
  const { firm, admin, newestFirst } = await firmWith(3)
  await firmWith(1)
  const response = await callDocuments(service.url, firm, admin)
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual(newestFirst)
  expect(response.headers.has('link')).toBe(false)
})

it('paging returns every document once, also those created at the same moment', async () => {
  const { firm, admin, newestFirst } = await firmWith(7)
  await service.app.db
    .updateTable('documents')
    .set({ created_at: new Date('2026-01-01T00:00:00Z') })
    .where('firm_id', '=', firm)
    .execute()
  const seen: string[] = []
  for (let path: string | undefined = '?limit=3'; path !== undefined;) {
    const page: Response = await callDocuments(service.url, firm, admin, path)
    seen.push(...((await page.json()) as DocumentShape[]).map(({ id }) => id))
    const next = /<[^>]*\/documents(\?[^>]*)>; rel="next"/.exec(page.headers.get('link') ?? '')
    path = next?.[1]
  }
  expect(seen).toHaveLength(7)
  expect(new Set(seen)).toEqual(new Set(newestFirst.map(({ id }) => id)))
})

it('filtered by type; an unknown type has no documents', async () => {
  const { firm, admin } = await firmWith(4)
  const ofType = async (type: string) =>
    ((await (await callDocuments(service.url, firm, admin, `?document_type=${type}`)).json()) as DocumentShape[]).length
  expect([await ofType('tax_clearance'), await ofType('bank_statement'), await ofType('diary')]).toEqual([2, 2, 0])
})

it('filtered by the id of a type', async () => {
  const { firm, admin } = await firmWith(4)
  const type = await service.app.db
    .selectFrom('document_types')
    .select('id')
    .where('code', '=', 'tax_clearance')
    .executeTakeFirstOrThrow()
  const listed = (await (
    await callDocuments(service.url, firm, admin, `?document_type=${type.id}`)
  ).json()) as DocumentShape[]
  expect(listed.map(({ document_type }) => document_type)).toEqual(['tax_clearance', 'tax_clearance'])
})

it('an invalid limit and a forged cursor are rejected by name', async () => {
  const { firm, admin } = await firmWith(0)
  const limit = await callDocuments(service.url, firm, admin, '?limit=201')
  const cursor = await callDocuments(service.url, firm, admin, '?cursor=WyIyMDI2IiwieCJd.aaaaaaaaaaaaaaaaaaaaaa')
  const foreign = await callDocuments(
    service.url,
    firm,
    admin,
    `?cursor=WyIyMDI2IiwieCJd.${encodeURIComponent('ä'.repeat(22))}`,
  )
  expect([limit.status, (await problemOf(limit)).errors?.[0]?.field]).toEqual([422, 'limit'])
  expect(foreign.status).toBe(400)
  expect([cursor.status, (await problemOf(cursor)).code]).toEqual([400, 'bad_request'])
})

it('a cursor of another list is rejected, whatever its contents', async () => {
  const { firm, admin, newestFirst } = await firmWith(2)
  const document = newestFirst[0]?.id ?? ''
  await addVersion(service.url, { firm, id: document }, admin)
  const cursorOf = async (list: string) => {
    const page = await callDocuments(service.url, firm, admin, `${list}?limit=1`)
    return /[?&]cursor=([^&>]+)/.exec(page.headers.get('link') ?? '')?.[1]
  }
  const lists = ['', `/${document}/versions`, `/${document}/events`]
  const cursors = await Promise.all(lists.map(cursorOf))

  const seen = await Promise.all(
    lists.map(async (list) =>
      Promise.all(
        cursors.map(
          async (cursor) => (await callDocuments(service.url, firm, admin, `${list}?cursor=${cursor}`)).status,
        ),
      ),
    ),
  )
  expect(seen).toEqual([
    [200, 400, 400],
    [400, 200, 400],
    [400, 400, 200],
  ])
})

it('one document has an ETag and the same address with a trailing slash', async () => {
  const { firm, admin, newestFirst } = await firmWith(1)
  const [document] = newestFirst
  const one = await callDocuments(service.url, firm, admin, `/${document?.id}`)
  const withSlash = await callDocuments(service.url, firm, admin, `/${document?.id}/`)
  expect(await one.json()).toEqual(document)
  expect(one.headers.get('etag')).toMatch(/^"[\w-]{22}"$/)
  expect(withSlash.status).toBe(200)
})

it('an address with other methods names them; an unknown address is 404', async () => {
  const { firm, admin } = await firmWith(0)
  const wrongMethod = await callDocuments(service.url, firm, admin, '', { method: 'PATCH' })
  expect([wrongMethod.status, (await problemOf(wrongMethod)).code, wrongMethod.headers.get('allow')]).toEqual([
    405,
    'method_not_allowed',
    'PUT, POST, GET, HEAD',
  ])
  const nowhere = await fetch(`${service.url}/api/v1/nowhere`)
  expect([nowhere.status, (await problemOf(nowhere)).code]).toEqual([404, 'not_found'])
})

it('an administrator of the platform reads in every firm; a missing firm is 404 only for them', async () => {
  const { firm, newestFirst } = await firmWith(1)
  const administrator = await makePerson(service.app, { role: 'admin' })
  expect(await (await callDocuments(service.url, firm, administrator)).json()).toEqual(newestFirst)
  expect((await callDocuments(service.url, crypto.randomUUID(), administrator)).status).toBe(404)
})
