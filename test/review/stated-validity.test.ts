import { randomBytes } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { addMonths, dayInJohannesburg } from '../../src/vocabulary/days.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call } from '../people/call-people.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
let administrator: Person
let firm: FirmId
let member: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
  firm = await makeFirm(service.app)
  member = await makeMember(service.app, firm)
})
afterAll(async () => service.stop())

async function upload(type: string) {
  return uploadDocument(service.url, firm, member, { type })
}

async function decide(id: string, decision: Parameters<typeof reviewDocument>[3]) {
  const answer = await reviewDocument(service.url, { firm, id }, administrator, decision)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

it('an insurance certificate that was verified without its last day still ends, after the months of its type', async () => {
  const { id } = await upload('insurance_certificate')

  const { status, body } = await decide(id, { decision: 'verify' })

  expect([status, body['valid_until']]).toEqual([200, addMonths(dayInJohannesburg(new Date()), 12)])
})

it('a document that states its last day is not verified without it where its type has no months', async () => {
  const code = `stated_${randomBytes(6).toString('hex')}`
  const body = { code, name: 'Fidelity guarantee', validity_stated: true }
  await call(service.url, 'POST /document-types', { headers: administrator.headers, body })
  const { id } = await upload(code)

  expect(await decide(id, { decision: 'verify' })).toMatchObject({
    status: 422,
    body: { code: 'validation_failed', errors: [{ field: 'valid_until' }] },
  })
  expect(await decide(id, { decision: 'verify', valid_until: '2099-03-31' })).toMatchObject({
    status: 200,
    body: { valid_until: '2099-03-31' },
  })
  const rejected = await decide(id, {
    decision: 'reject',
    reason_code: 'altered',
    comment: 'The stamp is another one.',
  })
  expect(rejected.status).toBe(200)
})
