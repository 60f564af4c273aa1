import { afterAll, beforeAll, expect, test } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, type ProblemBody, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { operationsOf, readApiDocument } from '../support/http/api-document.ts'

let service: TestService
let firm: FirmId
let admin: Person

beforeAll(async () => {
  service = await startService()
  firm = await makeFirm(service.app)
  admin = await makeMember(service.app, firm)
})
afterAll(() => service.stop())

test('the service returns exactly the described errors', async () => {
  const document = await readApiDocument(service.url)
  const documents = `/api/v1/security-firms/${firm}/documents`
  const { id } = await uploadDocument(service.url, firm, admin)
  const members = `/api/v1/security-firms/${firm}/members`
  const newPerson = { password: 'a long walk to work', first_name: 'Thandi', last_name: 'Nkosi' }
  const stranger = await makePerson(service.app)
  const json = { 'content-type': 'application/json' }
  const post = (path: string, body: string, headers = {}) =>
    fetch(`${service.url}${path}`, { method: 'POST', body, headers: { ...json, ...headers } })
  const heard: [string, Response][] = [
    ['GET documents', await callDocuments(service.url, firm, undefined)],
    ['GET documents', await callDocuments(service.url, firm, stranger)],
    ['GET documents', await callDocuments(service.url, firm, admin, '?cursor=x.y')],
    ['GET documents', await callDocuments(service.url, firm, admin, '?limit=0')],
    ['GET documents/{id}', await callDocuments(service.url, firm, admin, '/not-an-id')],
    [
      'GET documents/{id}/download',
      await callDocuments(service.url, firm, admin, `/${id}/download`, { headers: { range: 'bytes=999999-' } }),
    ],
    ['POST documents', await uploadFile(service.url, firm, admin, { bytes: Buffer.from('MZ no document') })],
    ['POST documents', await uploadFile(service.url, firm, admin, { bytes: Buffer.alloc(0) })],
    ['POST documents', await uploadFile(service.url, firm, admin, { query: { sha256: '0'.repeat(64) } })],
    ['POST documents', await post(`${documents}?document_type=tax_clearance`, '{}', admin.headers)],
    ['POST auth/login', await post('/api/v1/auth/login', '{')],
    ['POST auth/login', await post('/api/v1/auth/login', '{}')],
    ['POST auth/login', await post('/api/v1/auth/login', '{"email":"a@b.example","password":"wrong"}')],
    ['POST auth/login', await post('/api/v1/auth/login', 'x', { 'content-type': 'text/xml' })],
    ['POST auth/refresh', await post('/api/v1/auth/refresh', '{}')],
    ['POST auth/register', await post('/api/v1/auth/register', JSON.stringify({ ...newPerson, email: admin.email }))],
    ['POST security-firms/{firm_id}/members', await post(members, '{"role":"firm_user"}', admin.headers)],
    ['GET invitations/{token}', await fetch(`${service.url}/api/v1/invitations/no-token`)],
    [
      'DELETE security-firms/{firm_id}/members/{user_id}',
      await fetch(`${service.url}${members}/${admin.id}`, { method: 'DELETE', headers: admin.headers }),
    ],
    ['GET files/{token}', await fetch(`${service.url}/api/v1/files/no-token`)],
  ]

  const undescribed: string[] = []
  for (const [name, response] of heard) {
    const { status, code } = (await response.json()) as ProblemBody
    const described = operationsOf(document).find((operation) => shortName(operation.name) === name)
    const examples = described?.responses[status]?.content?.['application/problem+json']?.examples ?? {}
    if (!(code in examples)) undescribed.push(`${name}: ${status} ${code}`)
  }
  expect(undescribed).toEqual([])
})

function shortName(name: string): string {
  return name.replace('/api/v1/', '').replace('security-firms/{firm_id}/documents', 'documents')
}
