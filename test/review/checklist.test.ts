import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { ChecklistShape } from '../../src/contract/review.ts'
import { signAccessToken } from '../../src/people/sessions/access-token.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call, serveAt } from '../people/call-people.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
let administrator: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => service.stop())

async function makeScene(): Promise<{ firm: FirmId; admin: Person }> {
  const firm = await makeFirm(service.app)
  return { firm, admin: await makeMember(service.app, firm) }
}

async function checklistOf(firm: FirmId, person: Person, url = service.url): Promise<ChecklistShape> {
  const answer = await call(url, `GET /security-firms/${firm}/checklist`, { headers: person.headers })
  expect(answer.status).toBe(200)
  return answer.body as ChecklistShape
}

async function itemOf(firm: FirmId, person: Person, type: string, url = service.url) {
  const { items } = await checklistOf(firm, person, url)
  const item = items.find((each) => each.document_type === type)
  if (item === undefined) throw new Error(`no item of ${type}`)
  return item
}

async function decide(firm: FirmId, id: string, body: Parameters<typeof reviewDocument>[3]): Promise<void> {
  const answer = await reviewDocument(service.url, { firm, id }, administrator, body)
  expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)])
}

/** A day some days from today in South Africa. */
function inDays(days: number): string {
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Africa/Johannesburg' }).format(new Date())
  return new Date(Date.parse(today) + days * 86_400_000).toISOString().slice(0, 10)
}

/** The person with a token that is valid then. */
async function tokenAt(now: Date, person: Person): Promise<Person> {
  const { accessKey } = service.app.keys
  const token = await signAccessToken({ accessKey, now: () => now }, { ...person, userType: 'registered_user' })
  return { ...person, headers: { authorization: `Bearer ${token}` } }
}

it('a new firm misses every type, required ones first, each with what counts as proof', async () => {
  const { firm, admin } = await makeScene()
  const { items, ...rest } = await checklistOf(firm, admin)

  expect(rest).toEqual({ firm_id: firm, verification_status: 'draft', is_complete: false })
  expect(items).toHaveLength(12)
  expect(items.map((item) => item.is_required)).toEqual([...Array(6).fill(true), ...Array(6).fill(false)])
  expect(new Set(items.map(({ state }) => state))).toEqual(new Set(['missing']))
  expect(items.filter(({ proof }) => proof?.split('\n').length !== 2)).toEqual([])
})

it('an item follows its document: pending, rejected with the reason, pending again, verified with its last day', async () => {
  const { firm, admin } = await makeScene()
  const type = 'psira_certificate'
  const first = await uploadDocument(service.url, firm, admin, { type })
  expect(await itemOf(firm, admin, type)).toMatchObject({ state: 'pending', document_id: first.id, version: 1 })

  await decide(firm, first.id, { decision: 'reject', reason_code: 'unreadable', comment: 'Page 2 is too dark.' })
  expect(await itemOf(firm, admin, type)).toMatchObject({
    state: 'rejected',
    review_reason: 'unreadable',
    review_comment: 'Page 2 is too dark.',
  })

  const second = await uploadDocument(service.url, firm, admin, { type, bytes: makePdf({ seed: '2' }) })
  expect(await itemOf(firm, admin, type)).toMatchObject({ state: 'pending', document_id: second.id })

  await decide(firm, second.id, { decision: 'verify', valid_until: inDays(200), comment: 'Checked by telephone.' })
  expect(await itemOf(firm, admin, type)).toMatchObject({
    state: 'verified',
    document_id: second.id,
    review_reason: null,
    review_comment: null,
    valid_until: inDays(200),
    days_left: 200,
  })
})

it.each([
  [91, 'verified'],
  [90, 'expiring'],
  [0, 'expiring'],
])('a document with %i days left is %s', async (days, state) => {
  const { firm, admin } = await makeScene()
  const { id } = await uploadDocument(service.url, firm, admin, { type: 'bee_certificate' })
  await decide(firm, id, { decision: 'verify', valid_until: inDays(days) })
  expect(await itemOf(firm, admin, 'bee_certificate')).toMatchObject({ state, days_left: days })
})

it('after its last day it is expired, also while a newer version waits, until that one is verified', async () => {
  const { firm, admin } = await makeScene()
  const type = 'bee_certificate'
  const { id } = await uploadDocument(service.url, firm, admin, { type })
  await decide(firm, id, { decision: 'verify', valid_until: inDays(10) })
  const later = await serveAt(service.app)
  later.clock.now = new Date(Date.now() + 12 * 86_400_000)
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(makePdf({ seed: '3' }))], { type: 'application/pdf' }), 'renewed.pdf')
  const added = await callDocuments(service.url, firm, admin, `/${id}/versions`, { method: 'POST', body: form })
  expect(added.status).toBe(201)

  const expired = await itemOf(firm, await tokenAt(later.clock.now, admin), type, later.url)
  expect(expired).toMatchObject({ state: 'expired', version: 1, days_left: -2 })
  await decide(firm, id, { decision: 'verify', valid_until: inDays(300) })
  expect(await itemOf(firm, admin, type)).toMatchObject({ state: 'verified', version: 2 })
  await later.stop()
})

it('a document in the trash does not count', async () => {
  const { firm, admin } = await makeScene()
  const { id } = await uploadDocument(service.url, firm, admin, { type: 'annual_return' })
  const deleted = await callDocuments(service.url, firm, admin, `/${id}`, { method: 'DELETE' })
  expect(deleted.status).toBe(204)
  expect(await itemOf(firm, admin, 'annual_return')).toMatchObject({ state: 'missing', document_id: null })
})

it('a verified version whose file is missing does not count, a newer one does', async () => {
  const { firm, admin } = await makeScene()
  const type = 'annual_return'
  const { id } = await uploadDocument(service.url, firm, admin, { type })
  await decide(firm, id, { decision: 'verify' })
  await sql`update document_versions set bytes_state = 'missing' where document_id = ${id}`.execute(service.app.db)
  expect(await itemOf(firm, admin, type)).toMatchObject({ state: 'missing', document_id: null })

  const newer = await uploadDocument(service.url, firm, admin, { type })
  expect(await itemOf(firm, admin, type)).toMatchObject({ state: 'pending', document_id: newer.id })
})

it('a member who may not read a confidential type sees its state alone', async () => {
  const { firm, admin } = await makeScene()
  const staff = await makeMember(service.app, firm, 'field_staff')
  await service.app.db
    .updateTable('document_types')
    .set({ confidential: true })
    .where('code', '=', 'bank_statement')
    .execute()
  const { id } = await uploadDocument(service.url, firm, admin, { type: 'bank_statement' })
  await decide(firm, id, { decision: 'verify', valid_until: inDays(30) })

  expect(await itemOf(firm, admin, 'bank_statement')).toMatchObject({ state: 'expiring', document_id: id })
  expect(await itemOf(firm, staff, 'bank_statement')).toMatchObject({
    state: 'expiring',
    document_id: null,
    version: null,
    valid_until: null,
    days_left: null,
  })

  const comment = 'The account is of another company.'
  await decide(firm, id, { decision: 'reject', reason_code: 'wrong_document', comment })
  expect(await itemOf(firm, admin, 'bank_statement')).toMatchObject({ state: 'rejected', review_comment: comment })
  expect(await itemOf(firm, staff, 'bank_statement')).toMatchObject({
    state: 'rejected',
    review_reason: null,
    review_comment: null,
  })
})

it('the list is complete once every required type is verified', async () => {
  const { firm, admin } = await makeScene()
  const { items } = await checklistOf(firm, admin)
  for (const { document_type: type } of items.filter((item) => item.is_required)) {
    expect((await checklistOf(firm, admin)).is_complete).toBe(false)
    const { id } = await uploadDocument(service.url, firm, admin, { type })
    await decide(firm, id, { decision: 'verify', valid_until: inDays(30) })
  }
  expect((await checklistOf(firm, admin)).is_complete).toBe(true)
})

it('a stranger gets the answer of a firm that does not exist', async () => {
  const { firm } = await makeScene()
  const stranger = await makePerson(service.app)
  const answer = await call(service.url, `GET /security-firms/${firm}/checklist`, { headers: stranger.headers })
  expect(answer).toMatchObject({ status: 403, body: { code: 'not_a_member' } })
})
