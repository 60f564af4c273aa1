import { randomBytes } from 'node:crypto'

import ICAL from 'ical.js'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { type Answer, call, serveAt } from '../people/call-people.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeMember, makePerson, type Person } from '../support/people/people.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
let administrator: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => service.stop())

const callLink = (method: 'POST' | 'DELETE', firm: FirmId, person: Person): Promise<Answer> =>
  call(service.url, `${method} /security-firms/${firm}/calendar`, { headers: person.headers })

async function makeLink(firm: FirmId, person: Person): Promise<string> {
  const { status, body } = await callLink('POST', firm, person)
  expect(status).toBe(201)
  return (body as { url: string }).url
}

const statusOf = async (url: string) => (await fetch(url)).status

async function verify(firm: FirmId, id: string, day: string): Promise<void> {
  const decision = { decision: 'verify', valid_until: day } as const
  expect((await reviewDocument(service.url, { firm, id }, administrator, decision)).status).toBe(200)
}

/** The events as a calendar program reads them. */
async function eventsOf(url: string) {
  const text = await (await fetch(url)).text()
  const feed = new ICAL.Component(ICAL.parse(text) as unknown[])
  return feed.getAllSubcomponents('vevent').map((component) => {
    const { uid, summary, startDate } = new ICAL.Event(component)
    return { uid, summary, day: startDate.toString(), isAllDay: startDate.isDate }
  })
}

it('the feed has an all-day event for each document in force, without a file name or an id', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const upload = (type: string) =>
    uploadDocument(service.url, firm, admin, { type, fileName: 'secret name.pdf', bytes: makePdf({ seed: type }) })
  const [tax, licence] = [await upload('tax_clearance'), await upload('security_license')]
  await upload('bank_statement') // waits for its review
  await verify(firm, tax.id, '2031-03-31')
  await verify(firm, licence.id, '2030-02-28')
  const url = await makeLink(firm, admin)

  const answer = await fetch(url)
  const text = await answer.text()

  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
    200,
    'text/calendar; charset=utf-8',
    'private, no-cache',
  ])
  const events = await eventsOf(url)
  expect(events.toSorted((one, other) => one.day.localeCompare(other.day))).toEqual([
    {
      uid: expect.any(String),
      summary: expect.stringContaining('valid until today'),
      day: '2030-02-28',
      isAllDay: true,
    },
    {
      uid: expect.any(String),
      summary: expect.stringContaining('valid until today'),
      day: '2031-03-31',
      isAllDay: true,
    },
  ])
  expect(text).not.toMatch(new RegExp(`secret name|${tax.id}|${licence.id}|${firm}`))
})

it('the feed has every version in force: several of one type, and while a newer one waits', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const upload = (seed: string) =>
    uploadDocument(service.url, firm, admin, { type: 'security_license', bytes: makePdf({ seed }) })
  const documents = [await upload('one'), await upload('two'), await upload('three'), await upload('waiting')]
  for (const [index, { id }] of documents.slice(0, 3).entries()) await verify(firm, id, `2031-03-1${index}`)
  const [renewed = { id: '' }, , deleted = { id: '' }] = documents
  await addVersion(service.url, { firm, id: renewed.id }, admin, { bytes: makePdf({ seed: 'newer' }) })
  await callDocuments(service.url, firm, admin, `/${deleted.id}`, { method: 'DELETE' })

  const events = await eventsOf(await makeLink(firm, admin))

  expect(events.map(({ day }) => day)).toEqual(['2031-03-10', '2031-03-11'])
  expect(new Set(events.map(({ uid }) => uid)).size).toBe(2)
})

it('names of firms and types are escaped and folded', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const type = { code: `t_${randomBytes(4).toString('hex')}`, name: 'Fire; "A, B" \\ C' }
  await call(service.url, 'POST /document-types', { headers: administrator.headers, body: type })
  const { id } = await uploadDocument(service.url, firm, admin, { type: type.code })
  await verify(firm, id, '2031-03-31')
  const name = `Guards; "A, B" \\ Söhne ${'é'.repeat(60)}\nBEGIN:VEVENT`
  await sql`update security_firms set name = ${name} where id = ${firm}`.execute(service.app.db)
  const url = await makeLink(firm, admin)
  const text = await (await fetch(url)).text()

  const feed = new ICAL.Component(ICAL.parse(text) as unknown[])
  expect(feed.getFirstPropertyValue('x-wr-calname')).toBe(
    `${name.replace('\n', ' ').replaceAll(/[\\;,]/g, '\\$&')}: documents`, // ical.js leaves X- properties as they are
  )
  expect(feed.getAllSubcomponents('vevent')).toHaveLength(1)
  expect((await eventsOf(url))[0]?.summary).toBe(`${type.name}: valid until today`)
  expect(text.split('\r\n').filter((line) => Buffer.byteLength(line) > 75)).toEqual([])
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
})

it('an unchanged feed is 304, and a renewal moves the event under the same uid', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin, { type: 'tax_clearance' })
  await verify(firm, id, '2031-03-31')
  const url = await makeLink(firm, admin)
  const etag = (await fetch(url)).headers.get('etag') ?? ''
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304)
  const before = await eventsOf(url)

  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(makePdf({ seed: 'renewed' }))]), 'renewed.pdf')
  const renewed = await callDocuments(service.url, firm, admin, `/${id}/versions`, { method: 'POST', body: form })
  expect(renewed.status).toBe(201)
  await verify(firm, id, '2032-03-31')

  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(200)
  const after = await eventsOf(url)
  expect(after).toEqual([{ ...before[0], day: '2032-03-31' }])
})

it('a second link ends the first, and DELETE ends it', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const first = await makeLink(firm, admin)
  const second = await makeLink(firm, admin)
  expect([await statusOf(first), await statusOf(second)]).toEqual([404, 200])

  expect((await callLink('DELETE', firm, admin)).status).toBe(204)
  expect((await callLink('DELETE', firm, admin)).status).toBe(204)

  expect(await statusOf(second)).toBe(404)
  const events = await service.app.db
    .selectFrom('document_events')
    .select('action')
    .where('firm_id', '=', firm)
    .orderBy('occurred_at')
    .execute()
  expect(events.map(({ action }) => action)).toEqual(['calendar.created', 'calendar.created', 'calendar.deleted'])
})

it('the link ends for good when its maker is no firm_admin any more, here or on the platform', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const [here, onPlatform] = [await makeMember(service.app, firm), await makeMember(service.app, firm)]
  const path = `PATCH /security-firms/${firm}/members/${here.id}`
  const setRole = (role: string) => call(service.url, path, { headers: admin.headers, body: { role } })
  const first = await makeLink(firm, here)
  await setRole('firm_user')
  await setRole('firm_admin')
  expect(await statusOf(first)).toBe(404)

  const second = await makeLink(firm, onPlatform)
  const { db } = service.app
  const change = (role: 'field_staff' | 'firm_admin') =>
    db.updateTable('firm_users').set({ role }).where('user_id', '=', onPlatform.id).execute()
  await change('field_staff')
  expect(await statusOf(second)).toBe(404)
  await change('firm_admin')
  expect(await statusOf(second)).toBe(404)
})

it('the link rests while its maker is locked, and a locked firm may read it', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const url = await makeLink(firm, admin)
  const { db } = service.app
  const lock = (isLocked: boolean) =>
    db.updateTable('registered_users').set({ is_locked: isLocked }).where('id', '=', admin.id).execute()

  await lock(true)
  expect(await statusOf(url)).toBe(404)
  await lock(false)
  await db.updateTable('security_firms').set({ is_locked: true }).where('id', '=', firm).execute()
  expect(await statusOf(url)).toBe(200)
})

it('the secret is stored as a hash, is in no log line, and has the address of PUBLIC_URL', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const url = await makeLink(firm, admin)
  const secret = /calendars\/([\w-]{43})\.ics$/.exec(url)?.[1] ?? 'none'
  await fetch(url)
  await fetch(`${service.url}/api/v1/calendars/${secret}`)
  service.app.log.warn({ event: 'test', url }, `GET ${url}`)

  const { rows } = await sql<{ row: string }>`select c::text as row from document_calendars c`.execute(service.app.db)
  expect(rows.filter(({ row }) => row.includes(secret))).toEqual([])
  expect(service.logLines.filter((line) => line.includes(secret))).toEqual([])

  const serving = await serveAt({
    ...service.app,
    config: { ...service.app.config, publicUrl: 'https://docs.example' },
  })
  const answer = await call(serving.url, `POST /security-firms/${firm}/calendar`, { headers: admin.headers })
  expect((answer.body as { url: string }).url).toMatch(/^https:\/\/docs\.example\/api\/v1\/calendars\/[\w-]{43}\.ics$/)
  await serving.stop()
})

it('an unknown link is a 404', async () => {
  const answer = await fetch(`${service.url}/api/v1/calendars/unknown.ics`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
})

it('the firm’s administrators read when the link was made and by whom, and only they', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const colleague = await makeMember(service.app, firm)
  const supervisor = await makeMember(service.app, firm, 'firm_supervisor')
  const stateOf = (person: Person) =>
    call(service.url, `GET /security-firms/${firm}/calendar`, { headers: person.headers })
  const before = await stateOf(admin)
  await makeLink(firm, colleague)
  const made = await stateOf(admin)
  await service.app.db
    .updateTable('firm_users')
    .set({ role: 'firm_user' })
    .where('user_id', '=', colleague.id)
    .execute()
  const after = await stateOf(admin)

  expect(before.body).toEqual({ created_at: null, created_by: null })
  expect(made.body).toEqual({ created_at: expect.any(String), created_by: colleague.id })
  expect(after.body).toEqual({ created_at: null, created_by: null })
  expect((await stateOf(supervisor)).status).toBe(403)
})
