import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../../../src/contract/documents.ts'
import { callDocuments, problemOf } from '../../../support/documents/call-documents.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { makePerson } from '../../../support/people/people.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const requests: Record<string, string> = {
  id: randomUUID(),
  firm_id: randomUUID(),
  status: 'verified',
  is_verified: 'true',
  verified_by: randomUUID(),
  verified_at: '2026-01-01T00:00:00Z',
  review_status: 'verified',
  scan_status: 'clean',
  storage_key: 'security_firms/x/y.pdf',
  file_path: 'uploads/../../etc/passwd',
  store: 's3',
  version: '7',
  uploaded_by: randomUUID(),
  mime_type: 'text/html',
}

const person = { email: 'thandi@people.example', password: 'correct horse battery', first_name: 'T', last_name: 'N' }
const newFirm = {
  name: 'Blue Crane',
  registration_number: '2019/1/07',
  email: 'office@firms.example',
  phone: '+27 21 555 0101',
  address: '12 Long Street',
  province: 'Western Cape',
}
const bodies: [string, string, object, Record<string, unknown>][] = [
  ['a registration', '/auth/register', person, { role: 'admin' }],
  ['a registration', '/auth/register', person, { is_verified: true }],
  ['a registration', '/auth/register', person, { id: randomUUID() }],
  ['a registration', '/auth/register', person, { password_hash: '$2b$12$x' }],
  ['a registration', '/auth/register', person, { is_suspended: false }],
  ['a firm', '/security-firms/register', newFirm, { id: randomUUID() }],
  ['a firm', '/security-firms/register', newFirm, { verification_status: 'approved' }],
  ['a firm', '/security-firms/register', newFirm, { credit_balance: 1_000_000 }],
  ['a firm', '/security-firms/register', newFirm, { is_locked: false }],
  ['a firm', '/security-firms/register', newFirm, { role: 'administrator' }],
]

describeCheck(4, () => {
  it.each(['query', 'form before the file', 'form behind the file'])(
    'state, verdict, key, firm and uploader in an upload’s %s are ignored or rejected',
    async (where) => {
      const { firm, admin } = await firmWithAdmin(service)
      for (const [name, value] of Object.entries(requests)) {
        const form = new FormData()
        if (where === 'form before the file') form.append(name, value)
        form.append('file', new Blob([Uint8Array.from(makePdf())], { type: 'application/pdf' }), 'licence.pdf')
        if (where === 'form behind the file') form.append(name, value)
        const query = new URLSearchParams({
          document_type: 'tax_clearance',
          ...(where === 'query' && { [name]: value }),
        })

        const answer = await callDocuments(service.url, firm, admin, `?${query}`, { method: 'POST', body: form })

        const text = await answer.text()
        if ([400, 422].includes(answer.status)) continue
        expect([name, answer.status]).toEqual([name, 201])
        const document = JSON.parse(text) as DocumentShape
        expect(document).toMatchObject({
          firm_id: firm,
          is_verified: false,
          verified_at: null,
          review_status: 'pending',
          scan_status: 'skipped',
          storage: 'local',
          version: 1,
          uploaded_by: admin.id,
          mime_type: 'application/pdf',
        })
        expect(document.id).not.toBe(requests['id'])
        const row = await versionOf(document.id)
        expect(row.storage_key).toMatch(new RegExp(`^security_firms/${firm}/tax_clearance_[0-9a-f-]{36}\\.pdf$`))
        expect(row.reviewed_by).toBeNull()
      }
    },
  )

  it.each(bodies)('the body of %s (%s) with a forbidden field is rejected: %j', async (_what, path, body, wish) => {
    const caller = await makePerson(service.app)
    const count = () =>
      Promise.all([
        service.app.db.selectFrom('registered_users').select('id').execute(),
        service.app.db.selectFrom('security_firms').select('id').execute(),
      ])
    const before = await count()

    const answer = await fetch(`${service.url}/api/v1${path}`, {
      method: 'POST',
      headers: { ...caller.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...wish }),
    })

    expect([answer.status, (await problemOf(answer)).code]).toEqual([422, 'validation_failed'])
    expect(await count()).toEqual(before)
  })

  it('a body that sets the prototype is rejected', async () => {
    const answer = await fetch(`${service.url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `${JSON.stringify(person).slice(0, -1)},"__proto__":{"role":"admin"}}`,
    })
    expect([answer.status, (await problemOf(answer)).code]).toEqual([400, 'bad_request'])
  })

  it('a member can neither set the inviter of a new member nor an unknown role', async () => {
    const { firm: firmId, admin } = await firmWithAdmin(service)
    const other = await makePerson(service.app)
    const add = (body: object) =>
      fetch(`${service.url}/api/v1/security-firms/${firmId}/members`, {
        method: 'POST',
        headers: { ...admin.headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const statuses = [
      (await add({ email: other.email, role: 'admin' })).status,
      (await add({ email: other.email, role: 'firm_user', invited_by: other.id })).status,
      (await add({ email: other.email, role: 'firm_user', firm_id: randomUUID() })).status,
    ]
    expect(statuses).toEqual([422, 422, 422])
  })
})

function versionOf(documentId: string) {
  return service.app.db
    .selectFrom('document_versions')
    .select(['storage_key', 'reviewed_by'])
    .where('document_id', '=', documentId as never) // the id is from the service itself
    .executeTakeFirstOrThrow()
}
