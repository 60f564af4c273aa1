import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { UserShape } from '../../../src/contract/users.ts'
import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { waitUntilWaiting } from '../../support/database/wait-for-lock.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { reviewDocument } from '../../support/documents/review-document.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword } from '../call-people.ts'

let service: TestService
let administrator: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
})
afterAll(() => service.stop())

const ask = (line: string, body?: unknown, by: Person = administrator) =>
  call(service.url, line, { headers: by.headers, ...(body === undefined ? {} : { body }) })
const setRole = (id: string, role: 'reviewer' | null, by?: Person) =>
  ask(`PUT /users/${id}/platform-role`, { role }, by)
const setLock = (id: string, isLocked: boolean, by?: Person) => ask(`PATCH /users/${id}`, { is_locked: isLocked }, by)

async function eventsAbout(id: UserId, action: string) {
  const rows = await service.app.db
    .selectFrom('document_trail')
    .select(['outcome', 'actor_id', 'details'])
    .where('action', '=', action)
    .orderBy('occurred_at')
    .execute()
  return rows.filter(({ details }) => JSON.stringify(details).includes(id))
}

describe('a reviewer', () => {
  it('reviews in every firm from the next request on, until the role ends', async () => {
    const person = await makePerson(service.app)
    const firm = await makeFirm(service.app)
    const member = await makeMember(service.app, firm)
    const { id } = await uploadDocument(service.url, firm, member, { type: 'tax_clearance' })
    const review = () => reviewDocument(service.url, { firm, id }, person, { decision: 'verify' })
    expect((await review()).status).toBe(403)

    expect(await setRole(person.id, 'reviewer')).toMatchObject({
      status: 200,
      body: { id: person.id, email: person.email, role: 'user', platform_role: 'reviewer', is_administrator: false },
    })
    expect((await ask('GET /auth/me', undefined, person)).body).toMatchObject({ platform_role: 'reviewer' })
    expect((await ask(`GET /security-firms/${firm}`, undefined, person)).body).toMatchObject({ role: 'reviewer' })
    expect((await review()).status).toBe(200)

    expect(await setRole(person.id, null)).toMatchObject({ status: 200, body: { platform_role: null } })
    expect((await review()).status).toBe(403)
    const row = await service.app.db
      .selectFrom('registered_users')
      .select('role')
      .where('id', '=', person.id)
      .executeTakeFirst()
    expect(row).toEqual({ role: 'user' })
  })

  it('lists every firm, those that they belong to with their own role, without those that suspended them', async () => {
    const [other, own, left] = [
      await makeFirm(service.app),
      await makeFirm(service.app),
      await makeFirm(service.app),
    ] as const
    const person = await makeMember(service.app, own, 'field_staff')
    const row = { id: randomUUID(), user_id: person.id, firm_id: left, role: 'firm_user', status: 'suspended' } as const
    await service.app.db.insertInto('firm_users').values(row).execute()
    await setRole(person.id, 'reviewer')

    const firms = (await ask('GET /security-firms', undefined, person)).body as { id: string; role: string }[]
    const roleIn = (firm: string) => firms.find(({ id }) => id === firm)?.role
    expect([roleIn(other), roleIn(own), roleIn(left)]).toEqual(['reviewer', 'field_staff', undefined])
  })

  it('is never an administrator, nor an unknown person, and no other role exists', async () => {
    const colleague = await makePerson(service.app, { role: 'admin' })
    expect(await setRole(colleague.id, 'reviewer')).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await setRole(colleague.id, null)).status).toBe(200)
    expect(await setRole(randomUUID(), 'reviewer')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    const person = await makePerson(service.app)
    expect((await ask(`PUT /users/${person.id}/platform-role`, { role: 'admin' })).status).toBe(422)
    expect((await setRole(person.id, 'reviewer', person)).status).toBe(403)
  })

  it('each change leaves one event, a denial too, and a repeat none', async () => {
    const person = await makePerson(service.app)
    for (const role of ['reviewer', 'reviewer', null, null] as const) await setRole(person.id, role)
    await setRole(person.id, 'reviewer', person)
    const events = await eventsAbout(person.id, 'user.platform_role_changed')
    expect(events).toEqual([
      { outcome: 'ok', actor_id: administrator.id, details: { user_id: person.id, role: 'reviewer' } },
      { outcome: 'ok', actor_id: administrator.id, details: { user_id: person.id, role: null } },
      { outcome: 'forbidden', actor_id: person.id, details: { user_id: person.id, role: 'reviewer' } },
    ])
  })
})

describe('the search for users', () => {
  it('finds a person by the whole e-mail in any case, and the reviewers by their role', async () => {
    const person = await makePerson(service.app)
    await setRole(person.id, 'reviewer')
    const byEmail = await ask(`GET /users?email=${person.email.toUpperCase()}`)
    expect(byEmail).toMatchObject({
      status: 200,
      body: [
        {
          id: person.id,
          first_name: 'Thandi',
          is_locked: false,
          locked_at: null,
          is_suspended: false,
          email_verified: true,
        },
      ],
    })
    expect(byEmail.body).toHaveLength(1)
    expect((await ask('GET /users?email=nobody@people.example')).body).toEqual([])

    await setRole((await makePerson(service.app)).id, 'reviewer')
    const found: string[] = []
    for (let next = '/users?platform_role=reviewer&limit=1'; next !== '';) {
      const page = await ask(`GET ${next}`)
      found.push(...(page.body as UserShape[]).map(({ id }) => id))
      next = /^<\/api\/v1([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1] ?? ''
    }
    expect(found).toContain(person.id)
    expect(found).toEqual(found.toSorted())
  })

  it('finds the administrators that are registered users', async () => {
    const person = await makePerson(service.app)
    await setRole(person.id, 'reviewer')
    const { status, body } = await ask('GET /users?platform_role=administrator')
    const found = body as UserShape[]

    expect(status).toBe(200)
    expect(found.map(({ id }) => id)).toContain(administrator.id)
    expect(found.filter(({ is_administrator: isAdministrator }) => !isAdministrator)).toEqual([])
  })

  it('needs an e-mail or a role, and leaves an event that names the users and no e-mail', async () => {
    expect(await ask('GET /users')).toMatchObject({ status: 422, body: { errors: [{ field: 'email' }] } })
    const person = await makePerson(service.app)
    await ask(`GET /users?email=${person.email}`)
    expect((await eventsAbout(person.id, 'users.listed')).map(({ details }) => details)).toEqual([
      { user_ids: [person.id] },
    ])
  })
})

describe('a locked person', () => {
  it('can do nothing, and after the lock must log in again', async () => {
    const person = await makePersonWithPassword(service.app)
    const tokens = await logIn(service.url, person)
    const statuses = async () => [
      (await ask('GET /auth/me', undefined, person)).status,
      (await call(service.url, 'GET /auth/me', { token: tokens.access_token })).status,
      (await call(service.url, 'POST /auth/refresh', { body: { refresh_token: tokens.refresh_token } })).status,
    ]
    const locked = await setLock(person.id, true)
    expect(locked).toMatchObject({ status: 200, body: { is_locked: true, locked_at: expect.any(String) } })
    expect(await statuses()).toEqual([403, 403, 403])
    const login = { body: { email: person.email, password: 'correct horse battery' } }
    expect((await call(service.url, 'POST /auth/login', login)).status).toBe(403)

    expect((await setLock(person.id, false)).body).toMatchObject({ is_locked: false, locked_at: null })
    expect(await statuses()).toEqual([200, 401, 401])
    await logIn(service.url, person)
    expect((await eventsAbout(person.id, 'user.changed')).map(({ details }) => details)).toEqual([
      { user_id: person.id, is_locked: true },
      { user_id: person.id, is_locked: false },
    ])
  })

  it('is never the administrator who asks; a lock stays as it was set', async () => {
    expect(await setLock(administrator.id, true)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const person = await makePerson(service.app)
    const first = (await setLock(person.id, true)).body as UserShape
    expect((await setLock(person.id, true)).body).toEqual(first)
    expect((await setLock(randomUUID(), true)).status).toBe(404)
  })

  it('of two administrators who lock each other at once, one remains', async () => {
    const [one, two] = [
      await makePerson(service.app, { role: 'admin' }),
      await makePerson(service.app, { role: 'admin' }),
    ] as const
    const { db } = service.app
    const locking = await db.transaction().execute(async (trx) => {
      // Both have passed the first check before either changes something.
      await trx.selectFrom('registered_users').select('id').where('id', 'in', [one.id, two.id]).forUpdate().execute()
      const answers = [setLock(two.id, true, one), setLock(one.id, true, two)]
      await waitUntilWaiting(db, 2)
      return { answers: Promise.all(answers) }
    })
    expect((await locking.answers).map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403])
  })
})
