import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import type { IdentityShape } from '../../src/contract/identities.ts'
import { startOpenIdProvider, type TestProvider } from '../support/people/openid-provider.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { createPersonnelTable, insertPersonnel } from '../support/platform/platform-people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { Client } from 'pg'
import { call } from '../people/call-people.ts'

let provider: TestProvider
let service: TestService
let administrator: Person
let person: Person
let subject: string
beforeAll(async () => {
  provider = await startOpenIdProvider()
  service = await startService(provider.settings)
  administrator = await makePerson(service.app, { role: 'admin' })
})
beforeEach(async () => {
  person = await makePerson(service.app)
  subject = `auth0|${randomUUID()}`
})
afterAll(async () => {
  await service.stop()
  await provider.stop()
})

function link(body: object, { to = person.id, by = administrator }: { to?: string; by?: Person } = {}) {
  return call(service.url, `POST /users/${to}/identities`, { headers: by.headers, body })
}

function list(query = '', of: string = person.id) {
  return call(service.url, `GET /users/${of}/identities${query}`, { headers: administrator.headers })
}

function unlink(id: string, { from = person.id, by = administrator }: { from?: string; by?: Person } = {}) {
  return call(service.url, `DELETE /users/${from}/identities/${id}`, { headers: by.headers })
}

/** The person of the provider's token with this subject: an id, or the status of the error. */
async function whoIs(name: string): Promise<unknown> {
  const token = await provider.sign(provider.claims({ sub: name }))
  const { status, body } = await call(service.url, 'GET /auth/me', { token })
  return status === 200 ? (body as { id: string }).id : status
}

it('repeated requests with an unlinked login get 429, and no further audit events', async () => {
  const few = await startService({ ...provider.settings, EVENTS_PER_PERSON: '5' })
  onTestFinished(() => few.stop())
  const ask = async (name: string) => {
    const token = await provider.sign(provider.claims({ sub: name }))
    return (await call(few.url, 'GET /auth/me', { token })).status
  }
  const statuses: number[] = []
  for (let count = 0; count < 8; count += 1) statuses.push(await ask(subject))

  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
  expect(await ask(`auth0|${randomUUID()}`)).toBe(401)
  const refused = few.app.db.selectFrom('document_events').selectAll().where('action', '=', 'identity.refused')
  expect(await refused.execute()).toHaveLength(6)
})

async function eventsAbout(name: string): Promise<unknown[]> {
  const events = await service.app.db
    .selectFrom('document_trail')
    .selectAll()
    .where('action', 'like', 'identity.%')
    .orderBy('occurred_at')
    .execute()
  return events
    .filter(({ personal }) => personal?.['subject'] === name)
    .map(
      ({ action, outcome, actor_id: actor }) =>
        `${action} ${outcome} by ${actor === administrator.id ? 'them' : actor}`,
    )
}

const codeOf = ({ status, body }: { status: number; body: unknown }) => `${status} ${(body as { code?: string }).code}`

it('a linked login identifies its person at the next request, and nobody after the unlinking', async () => {
  expect(await whoIs(subject)).toBe(401)

  const linked = await link({ subject })
  expect(linked).toMatchObject({ status: 201 })
  const identity = linked.body as IdentityShape
  expect(identity).toEqual({
    id: expect.any(String),
    user_id: person.id,
    issuer: provider.issuer,
    subject,
    linked_by: administrator.id,
    linked_at: expect.stringMatching(/Z$/),
  })
  const token = await provider.sign(provider.claims({ sub: subject }))
  expect(await call(service.url, 'GET /auth/me', { token })).toMatchObject({ status: 200, body: { id: person.id } })
  expect((await list()).body).toEqual([identity])

  expect((await unlink(identity.id)).status).toBe(204)
  expect((await call(service.url, 'GET /auth/me', { token })).status).toBe(401)
  expect((await list()).body).toEqual([])
  expect(await eventsAbout(subject)).toEqual([
    'identity.refused unauthenticated by null',
    'identity.linked ok by them',
    'identity.unlinked ok by them',
    'identity.refused unauthenticated by null',
  ])
})

it('a person may have several logins, listed page by page, newest first', async () => {
  const subjects = [`${subject} a`, `${subject} b`, `${subject} c`]
  for (const each of subjects) await link({ subject: each })

  const first = await list('?limit=2')
  const next = /<\/api\/v1([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
  const second = await call(service.url, `GET ${next}`, { headers: administrator.headers })
  const named = [first, second].map(({ body }) => (body as IdentityShape[]).map((each) => each.subject))
  expect(named).toEqual([[subjects[2], subjects[1]], [subjects[0]]])
  expect(second.headers.get('link')).toBeNull()
})

describe('a link is rejected', () => {
  it('to an unknown person', async () => {
    expect(codeOf(await link({ subject }, { to: randomUUID() }))).toBe('404 not_found')
    expect(codeOf(await list('', randomUUID()))).toBe('404 not_found')
    expect(codeOf(await link({ subject }, { to: 'thandi' }))).toBe('404 not_found')
  })

  it('of a linked login, to any person; the existing link stays', async () => {
    await link({ subject })
    const other = await makePerson(service.app)
    const taken = await link({ subject }, { to: other.id })
    expect(codeOf(taken)).toBe('409 conflict')
    expect(taken.body).toMatchObject({ detail: expect.stringContaining(person.id) })
    expect(codeOf(await link({ subject }))).toBe('409 conflict')
    expect(await whoIs(subject)).toBe(person.id)
  })

  it('for one of two concurrent requests', async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => makePerson(service.app)))
    const heard = await Promise.all(others.map(({ id }) => link({ subject }, { to: id })))
    expect(
      heard
        .map(({ status }) => String(status))
        .toSorted()
        .join(' '),
    ).toBe('201 409 409 409 409 409')
  })

  it('of a login that is a person’s own id, since it would identify another person by their tokens', async () => {
    const other = await makePerson(service.app)
    expect(codeOf(await link({ subject: other.id }))).toBe('409 conflict')
    expect(codeOf(await link({ subject: other.id.toUpperCase() }))).toBe('409 conflict')
    expect(await whoIs(other.id)).toBe(other.id)
  })

  it.each<[string, object]>([
    ['without a subject', {}],
    ['of an empty subject', { subject: '' }],
    ['of a subject with a NUL', { subject: 'a\0' }],
    ['of half a character', { subject: 'a\ud800' }],
    ['of a subject with a blank at its end', { subject: 'a ' }],
    ['of a subject of two lines', { subject: 'a\nb' }],
    ['of a subject with a mark that nobody sees', { subject: 'a\u200b' }],
    ['of a subject that is too long', { subject: 'x'.repeat(256) }],
    ['of a provider that is no address', { subject: 'a', issuer: 'login.example' }],
    ['with a word that is not known', { subject: 'a', user_id: randomUUID() }],
  ])('%s', async (_what, body) => {
    expect(codeOf(await link(body))).toBe('422 validation_failed')
  })
})

it('only administrators may link, unlink and list, also their own logins', async () => {
  const { body } = await link({ subject })
  const asPerson = { by: person }
  expect(codeOf(await link({ subject: `${subject} 2` }, asPerson))).toBe('403 forbidden')
  expect(codeOf(await unlink((body as IdentityShape).id, asPerson))).toBe('403 forbidden')
  const looked = await call(service.url, `GET /users/${person.id}/identities`, { headers: person.headers })
  expect(codeOf(looked)).toBe('403 forbidden')
})

it('a link is removed only under its own person', async () => {
  const { id } = (await link({ subject })).body as IdentityShape
  const other = await makePerson(service.app)
  expect(codeOf(await unlink(id, { from: other.id }))).toBe('404 not_found')
  expect(codeOf(await unlink(randomUUID()))).toBe('404 not_found')
  expect(await whoIs(subject)).toBe(person.id)
})

it('a login of another provider is a different login, and is not accepted while that provider is not configured', async () => {
  await link({ subject, issuer: 'https://login.example' })
  expect(await whoIs(subject)).toBe(401)
})

it('a link to a deleted person identifies nobody', async () => {
  await link({ subject })
  await service.app.db.deleteFrom('registered_users').where('id', '=', person.id).execute()
  expect(await whoIs(subject)).toBe(401)
  expect((await list()).body).toMatchObject([{ subject }])
})

it('a login never identifies personnel of the platform, by any id', async () => {
  const { database, jwtSecret = '' } = service.app.config
  const platform = new Client({ connectionString: database.kind === 'external' ? database.url : '' })
  await platform.connect()
  await createPersonnelTable(platform)
  const personnel = await insertPersonnel(platform, { secret: jwtSecret }, { role: 'super_admin' })
  await platform.end()

  expect((await call(service.url, 'GET /auth/me', { headers: personnel.headers })).status).toBe(200)
  expect(await whoIs(personnel.id)).toBe(401)
  expect(codeOf(await link({ subject }, { to: personnel.id }))).toBe('404 not_found')
  const byPersonnel = await link({ subject }, { by: personnel })
  expect(byPersonnel).toMatchObject({ status: 201, body: { linked_by: personnel.id } })
})

it('without a provider the issuer is required', async () => {
  const alone = await startService()
  const there = await makePerson(alone.app, { role: 'admin' })
  const ask = (body: object) => call(alone.url, `POST /users/${there.id}/identities`, { headers: there.headers, body })
  const refused = await ask({ subject })
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: 'issuer' }] } })
  expect((await ask({ subject, issuer: 'https://login.example' })).status).toBe(201)
  await alone.stop()
})
