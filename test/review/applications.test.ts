import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { beforeEach, expect, it } from 'vitest'

import type { ApplicationShape } from '../../src/contract/applications.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call, statusesOf } from '../people/call-people.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const required = ['registration_certificate', 'proof_of_address']

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  await sql`update document_types set is_required = code = any (${required}::text[])`.execute(service.app.db)
  return { service, administrator: await makePerson(service.app, { role: 'admin' }) }
})

let firm: FirmId
let admin: Person
beforeEach(async () => {
  firm = await makeFirm(scene.service.app)
  admin = await makeMember(scene.service.app, firm)
})

const ask = async (line: string, { headers }: Person, body?: unknown) =>
  call(scene.service.url, line, { headers, ...(body !== undefined && { body }) })
const submit = (person = admin) => ask(`POST /security-firms/${firm}/submit-application`, person)
const applicationOf = (person: Person) => ask(`GET /security-firms/${firm}/application`, person)
const decide = (body: object, person = scene.administrator) =>
  ask(`PUT /security-firms/${firm}/application/review`, person, body)
const statusOfFirm = async () => {
  const { body } = await ask(`GET /security-firms/${firm}`, admin)
  return (body as { verification_status: string }).verification_status
}

async function verify(type: string): Promise<string> {
  const { url } = scene.service
  const { id } = await uploadDocument(url, firm, admin, { type })
  const answer = await reviewDocument(url, { firm, id }, scene.administrator, { decision: 'verify' })
  expect(answer.status).toBe(200)
  return id
}

async function submitComplete(): Promise<ApplicationShape> {
  for (const type of required) await verify(type)
  const { status, body } = await submit()
  expect(status).toBe(200)
  return body as ApplicationShape
}

it('an application needs every required document, and names what is missing', async () => {
  expect(await submit()).toMatchObject({
    status: 409,
    body: { code: 'application_incomplete', missing: ['proof_of_address', 'registration_certificate'] },
  })
  const id = await verify('registration_certificate')
  expect(await submit()).toMatchObject({ status: 409, body: { missing: ['proof_of_address'] } })
  expect(await applicationOf(admin)).toMatchObject({ status: 404 })
  expect(await statusOfFirm()).toBe('draft')

  await verify('proof_of_address')
  expect(await submit()).toMatchObject({
    status: 200,
    body: { firm_id: firm, status: 'submitted', submitted_at: expect.any(String), reviewed_at: null },
  })
  expect(await statusOfFirm()).toBe('submitted')
  // A document may leave the firm while the application is open; an administrator sees the checklist.
  await callDocuments(scene.service.url, firm, admin, `/${id}`, { method: 'DELETE' })
  expect(await submit()).toMatchObject({ status: 200, body: { status: 'submitted' } })
})

it('a repeat answers with the open application, also at the same time', async () => {
  const { id } = await submitComplete()
  const answers = await Promise.all([submit(), submit(), submit()])
  expect(answers.map(({ body }) => (body as ApplicationShape).id)).toEqual([id, id, id])

  const { rows } = await sql`select from firm_applications where firm_id = ${firm}`.execute(scene.service.app.db)
  expect(rows).toHaveLength(1)
})

it('submissions at the same time make one application', async () => {
  for (const type of required) await verify(type)
  const answers = await Promise.all([submit(), submit(), submit(), submit()])
  expect(new Set(answers.map(({ body }) => (body as ApplicationShape).id)).size).toBe(1)
})

it('an approved firm is approved, and does not apply again', async () => {
  await submitComplete()
  expect(await decide({ decision: 'approve', notes: 'seen at the office' })).toMatchObject({
    status: 200,
    body: { status: 'approved', reviewed_by: scene.administrator.id, notes: 'seen at the office' },
  })
  expect(await statusOfFirm()).toBe('approved')
  expect(await submit()).toMatchObject({ status: 409, body: { code: 'conflict' } })
})

it('a rejection needs a reason, and the next application is a new one', async () => {
  const first = await submitComplete()
  expect(await decide({ decision: 'reject' })).toMatchObject({ status: 422, body: { errors: [{ field: 'reason' }] } })
  expect(await decide({ decision: 'approve', reason: 'why not' })).toMatchObject({ status: 422 })
  const rejected = await decide({ decision: 'reject', reason: 'The office is closed.', notes: 'call them' })
  expect(rejected).toMatchObject({
    status: 200,
    body: { status: 'rejected', rejection_reason: 'The office is closed.' },
  })
  expect(await statusOfFirm()).toBe('rejected')

  const again = await submit()
  expect(again).toMatchObject({ status: 200, body: { status: 'submitted', rejection_reason: null } })
  expect((again.body as ApplicationShape).id).not.toBe(first.id)
  expect(await statusOfFirm()).toBe('submitted')
  expect(await decide({ decision: 'approve' })).toMatchObject({ status: 200 })
})

it('the firm reads the reason, and never the notes', async () => {
  await submitComplete()
  await decide({ decision: 'reject', reason: 'The office is closed.', notes: 'call them' })
  const member = await makeMember(scene.service.app, firm, 'field_staff')
  for (const person of [admin, member]) {
    const { status, body } = await applicationOf(person)
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'rejected', rejection_reason: 'The office is closed.' })
    expect(JSON.stringify(body)).not.toContain('notes')
  }
  expect((await applicationOf(scene.administrator)).body).toMatchObject({ notes: 'call them' })
  expect(JSON.stringify((await submit()).body)).not.toContain('call them')
})

it('of two administrators who decide at the same time, one wins', async () => {
  await submitComplete()
  const other = await makePerson(scene.service.app, { role: 'admin' })
  const answers = await Promise.all([
    decide({ decision: 'approve' }),
    decide({ decision: 'reject', reason: 'The office is closed.' }, other),
  ])
  expect(statusesOf(answers)).toEqual([200, 409])
  const { body } = answers.find(({ status }) => status === 200) ?? { body: {} }
  expect(await statusOfFirm()).toBe((body as ApplicationShape).status)
})

it('an administrator who belongs to the firm does not decide', async () => {
  await submitComplete()
  const own = await makePerson(scene.service.app, { role: 'admin' })
  await addMember(scene.service.app, firm, own)
  expect(await decide({ decision: 'approve' }, own)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

it('an administrator lists the applications of all firms by status, in pages', async () => {
  const { id } = await submitComplete()
  const list = async (query: string) => {
    const answer = await ask(`GET /applications${query}`, scene.administrator)
    return { next: answer.headers.get('link'), ids: (answer.body as ApplicationShape[]).map((each) => each.id) }
  }
  expect((await list('?status=submitted')).ids[0]).toBe(id)
  expect((await list('')).ids[0]).toBe(id)
  expect((await list('?status=under_review')).ids).toEqual([])
  const { ids, next } = await list('?limit=1')
  expect(ids).toEqual([id])
  const second = await list(/(\?[^>]+)>/.exec(next ?? '')?.[1] ?? '')
  expect(second.ids).toHaveLength(1)
  expect(second.ids).not.toContain(id)
  expect(await ask('GET /applications', admin)).toMatchObject({ status: 403 })
})

it('the platform’s draft becomes the application, and one that it put under review is decided on here', async () => {
  const { db } = scene.service.app
  const draft = randomUUID()
  await sql`insert into firm_applications (id, firm_id, status) values (${draft}, ${firm}, 'draft')`.execute(db)
  expect(await decide({ decision: 'approve' })).toMatchObject({ status: 404 })
  expect(await submitComplete()).toMatchObject({ id: draft, status: 'submitted' })

  await sql`update firm_applications set status = 'under_review' where id = ${draft}`.execute(db)
  expect(await submit()).toMatchObject({ status: 200, body: { id: draft, status: 'under_review' } })
  expect(await decide({ decision: 'approve' })).toMatchObject({ status: 200, body: { id: draft, status: 'approved' } })
})

it('each step leaves an event with the application', async () => {
  const { id } = await submitComplete()
  await decide({ decision: 'reject', reason: 'The office is closed.', notes: 'call them' })
  const { rows } = await sql<{ action: string; details: object }>`
    select action, details from document_events where firm_id = ${firm} and action like 'application.%' and outcome = 'ok'
    order by occurred_at`.execute(scene.service.app.db)
  expect(rows).toMatchObject([
    { action: 'application.submitted', details: { application_id: id } },
    { action: 'application.rejected', details: { application_id: id, reason: 'The office is closed.' } },
  ])
  expect(JSON.stringify(rows)).not.toContain('call them')
})

it('a person’s export has the applications that they decided on', async () => {
  const reviewer = await makePerson(scene.service.app, { role: 'admin' })
  const { id } = await submitComplete()
  await decide({ decision: 'approve' }, reviewer)
  const { body } = await ask(`GET /users/${reviewer.id}/export`, reviewer)
  expect(body).toMatchObject({ applications_reviewed: [{ id, firm_id: firm, status: 'approved' }] })
})

it('a decision of the platform at the same moment stays, and ours is a conflict', async () => {
  const { id } = await submitComplete()
  const platform = await scene.service.app.db.startTransaction().execute()
  await sql`update firm_applications set status = 'approved' where id = ${id}`.execute(platform)
  const ours = decide({ decision: 'reject', reason: 'Not ours to decide any more.' })
  await expect
    .poll(async () => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from pg_stat_activity
        where datname = current_database() and wait_event = 'transactionid'`.execute(scene.service.app.db)
      return rows[0]?.count
    })
    .toBe(1)
  await platform.commit().execute()

  expect(await ours).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect(await applicationOf(admin)).toMatchObject({ body: { status: 'approved', rejection_reason: null } })
})
