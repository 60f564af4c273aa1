import { afterAll, beforeAll, expect, it } from 'vitest'

import type { FirmShape, MemberShape } from '../../../src/contract/people.ts'
import { platformKey } from '../../support/platform/platform-documents.ts'
import { callDocuments } from '../../support/documents/call-documents.ts'
import { makeMember } from '../../support/people/people.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, newFirm, newRegistration } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

it('names of persons and firms are shown without invisible characters, also those of the platform’s rows', async () => {
  const registration = newRegistration({ first_name: 'Than\u200Bdi', last_name: '\u202EisokN' })
  const registered = await call(service.url, 'POST /auth/register', { body: registration })
  expect(registered).toMatchObject({ status: 201, body: { user: { first_name: 'Thandi', last_name: 'isokN' } } })
  const token = (registered.body as { access_token: string }).access_token
  const body = newFirm({ name: 'Blue\u2066 Crane\uFEFF' })
  const firm = (await call(service.url, 'POST /security-firms/register', { token, body })).body as FirmShape
  expect(firm.name).toBe('Blue Crane')

  const colleague = await makeMember(service.app, firm.id as never)
  await service.app.db
    .updateTable('registered_users')
    .set({ first_name: 'Si\u200Fpho' })
    .where('id', '=', colleague.id)
    .execute()
  const members = (await call(service.url, `GET /security-firms/${firm.id}/members`, { token })).body as MemberShape[]
  expect(members.map(({ first_name: name }) => name)).toEqual(['Thandi', 'Sipho'])
})

it.each(['\u200B', '\u202E \u2060'])('a name of invisible characters alone is no name: %j', async (name) => {
  const answer = await call(service.url, 'POST /auth/register', { body: newRegistration({ first_name: name }) })
  expect(answer).toMatchObject({
    status: 422,
    body: { errors: [{ field: 'first_name', message: 'must not be empty' }] },
  })
})

it('the file name of a platform’s row is shown without them', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const id = crypto.randomUUID()
  await service.app.db
    .insertInto('firm_documents')
    .values({
      id: id as never,
      firm_id: firm,
      document_type: 'vat_certificate',
      file_name: 'invoice\u202Efdp.exe\u200B.pdf',
      file_path: platformKey(firm),
      file_size: 10,
      mime_type: 'application/pdf',
      uploaded_by: admin.id,
      is_verified: false,
    })
    .execute()
  await expect
    .poll(async () => (await callDocuments(service.url, firm, admin, `/${id}`)).json())
    .toMatchObject({ file_name: 'invoicefdp.exe.pdf' })
})
