import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmShape } from '../../src/contract/people.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call, newFirm, statusesOf } from './call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

async function register(person: Person, wish: Record<string, unknown> = {}) {
  return await call(service.url, 'POST /security-firms/register', { headers: person.headers, body: newFirm(wish) })
}

function change(firm: string, person: Person, body: unknown) {
  return call(service.url, `PATCH /security-firms/${firm}`, { headers: person.headers, body })
}

async function list(person: Person, query = '') {
  const answer = await call(service.url, `GET /security-firms${query}`, { headers: person.headers })
  return { ...answer, firms: answer.body as FirmShape[] }
}

describe('a person who registers a firm', () => {
  it('is its first administrator', async () => {
    const person = await makePerson(service.app)
    const answer = await register(person, { vat_number: '4123456789' })
    expect(answer).toMatchObject({
      status: 201,
      body: {
        name: 'Blue Crane Security',
        country: 'South Africa',
        vat_number: '4123456789',
        verification_status: 'draft',
        is_locked: false,
        locked_at: null,
        role: 'firm_admin',
      },
    })
    const { id } = answer.body as FirmShape
    expect(answer.headers.get('location')).toBe(`/api/v1/security-firms/${id}`)
    expect((await call(service.url, `GET /security-firms/${id}`, { headers: person.headers })).body).toEqual(
      answer.body,
    )
    expect(
      (await call(service.url, `GET /security-firms/${id}/members`, { headers: person.headers })).body,
    ).toMatchObject([{ user_id: person.id, role: 'firm_admin', status: 'active' }])
  })

  it('gets a row with the platform’s default values', async () => {
    const { body } = await register(await makePerson(service.app))
    const row = await service.app.db
      .selectFrom('security_firms')
      .selectAll()
      .where('id', '=', (body as { id: never }).id)
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({ verification_status: 'draft', credit_balance: 0, is_locked: false, vat_number: null })
  })

  it.each(['registration_number', 'email'])('may not use another firm’s %s', async (field) => {
    const person = await makePerson(service.app)
    const value = field === 'email' ? 'office@taken.example' : `taken ${randomUUID()}`
    expect((await register(person, { [field]: value })).status).toBe(201)
    expect(await register(person, { [field]: value })).toMatchObject({
      status: 409,
      body: { code: 'conflict', errors: [{ field }] },
    })
    expect((await list(person)).firms).toHaveLength(1)
  })

  it.each([
    ['another case', (number: string) => number.toUpperCase()],
    ['blanks', (number: string) => number.replaceAll('-', ' \u00a0')],
    ['other punctuation', (number: string) => number.replaceAll('-', '/')],
    ['invisible characters', (number: string) => number.replaceAll('-', '-\u200b')],
    ['wide letters', (number: string) => number.replaceAll('a', 'ａ').replaceAll('1', '１')],
  ])('may not use another firm’s registration number with %s', async (_spelling, spell) => {
    const person = await makePerson(service.app)
    const registration_number = `a1-${randomUUID()}`
    expect((await register(person, { registration_number })).status).toBe(201)
    expect(await register(person, { registration_number: spell(registration_number) })).toMatchObject({
      status: 409,
      body: { code: 'conflict', errors: [{ field: 'registration_number' }] },
    })
  })

  it('gets a conflict for two spellings of a number that are registered at the same moment', async () => {
    const person = await makePerson(service.app)
    const number = `rn-${randomUUID()}`
    const spellings = [number, number.toUpperCase(), number.replaceAll('-', ' '), number.replaceAll('-', '/')]
    const answers = await Promise.all(spellings.map((registration_number) => register(person, { registration_number })))
    expect(statusesOf(answers)).toEqual([201, 409, 409, 409])
  })

  it('gets a conflict for a number that another request registers at the same moment', async () => {
    const person = await makePerson(service.app)
    const registration_number = randomUUID()
    const answers = await Promise.all(Array.from({ length: 5 }, () => register(person, { registration_number })))
    expect(statusesOf(answers)).toEqual([201, 409, 409, 409, 409])
  })

  it.each<[string, Record<string, unknown>]>([
    ['name', { name: undefined }],
    ['registration_number', { registration_number: ' ' }],
    ['registration_number', { registration_number: 'x'.repeat(101) }],
    ['email', { email: 'office' }],
    ['phone', { phone: '1'.repeat(21) }],
    ['address', { address: 'a\0b' }],
    ['province', { province: 7 }],
    ['is_locked', { is_locked: false }],
    ['verification_status', { verification_status: 'approved' }],
    ['credit_balance', { credit_balance: 1000 }],
    ['id', { id: randomUUID() }],
  ])('gets an error for an invalid or forbidden %s', async (field, wish) => {
    const person = await makePerson(service.app)
    const answer = await register(person, wish)
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(JSON.stringify(answer.body)).toContain(field)
    expect((await list(person)).firms).toEqual([])
  })

  it.each(['isLocked', 'isSuspended'])('must not be locked out: %s', async (state) => {
    const person = await makePerson(service.app, { [state]: true })
    expect(await register(person)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })
})

describe('the list of firms', () => {
  it('has the firms in which the person is active, once each, with their role', async () => {
    const person = await makePerson(service.app)
    const [own, pending, suspended] = [
      await makeFirm(service.app),
      await makeFirm(service.app),
      await makeFirm(service.app),
    ]
    await makeFirm(service.app)
    await addMember(service.app, own, person, { role: 'field_staff' })
    await addMember(service.app, own, person, { role: 'firm_supervisor' })
    await addMember(service.app, pending, person, { status: 'pending' })
    await addMember(service.app, suspended, person, { status: 'suspended' })
    expect((await list(person)).firms).toMatchObject([{ id: own, role: 'firm_supervisor' }])
  })

  it('pages newest first and returns each firm once, also those created at the same moment', async () => {
    const person = await makePerson(service.app)
    const ids: string[] = []
    for (let n = 0; n < 5; n += 1) ids.push(((await register(person)).body as FirmShape).id)
    const same = { created_at: '2026-01-01T00:00:00.123456Z' }
    await service.app.db
      .updateTable('security_firms')
      .set(same)
      .where('id', 'in', ids.slice(0, 3) as never[])
      .execute()

    const seen: string[] = []
    let next: string | undefined = '?limit=2'
    while (next !== undefined) {
      const page: Awaited<ReturnType<typeof list>> = await list(person, next)
      expect(page.firms.length).toBeLessThanOrEqual(2)
      seen.push(...page.firms.map(({ id }) => id))
      const link = page.headers.get('link')
      next = link === null ? undefined : /<[^?]*(\?[^>]*)>; rel="next"/.exec(link)?.[1]
    }
    const newestFirst = [ids[4], ids[3], ...ids.slice(0, 3).toSorted().toReversed()]
    expect(seen).toEqual(newestFirst)
  })

  it('has every firm for an administrator', async () => {
    const firm = await makeFirm(service.app)
    const administrator = await makePerson(service.app, { role: 'admin' })
    const { firms } = await list(administrator, '?limit=1')
    expect(firms).toMatchObject([{ id: firm, role: 'administrator' }])
  })

  it.each(['?limit=0', '?limit=201', '?limit=x'])('rejects %s', async (query) => {
    expect((await list(await makePerson(service.app), query)).body).toMatchObject({ code: 'validation_failed' })
  })

  it.each(['abc', 'abc.def', `abc.${'x'.repeat(22)}`])('rejects the cursor %s', async (cursor) => {
    expect(await list(await makePerson(service.app), `?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'bad_request' },
    })
  })
})

describe('one firm', () => {
  it.each(['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'] as const)(
    'is shown to its %s',
    async (role) => {
      const firm = await makeFirm(service.app)
      const member = await makeMember(service.app, firm, role)
      expect(await call(service.url, `GET /security-firms/${firm}`, { headers: member.headers })).toMatchObject({
        status: 200,
        body: { id: firm, role },
      })
    },
  )

  it('gives a stranger the same answer as a missing firm', async () => {
    const stranger = await makePerson(service.app)
    const answers = [await makeFirm(service.app), randomUUID()].map((id) =>
      call(service.url, `GET /security-firms/${id}`, { headers: stranger.headers }),
    )
    const [existing, missing] = await Promise.all(answers)
    expect(existing).toMatchObject({ status: 403, body: { code: 'not_a_member' } })
    expect({ ...(missing?.body as object), request_id: '' }).toEqual({ ...(existing?.body as object), request_id: '' })
  })

  it('that does not exist is 404 for an administrator', async () => {
    const administrator = await makePerson(service.app, { role: 'admin' })
    for (const id of [randomUUID(), 'abc'])
      expect(await call(service.url, `GET /security-firms/${id}`, { headers: administrator.headers })).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
  })
})

describe('a firm is locked', () => {
  it('by an administrator, and unlocked; each change is audited once', async () => {
    const firm = await makeFirm(service.app)
    const member = await makeMember(service.app, firm)
    const administrator = await makePerson(service.app, { role: 'admin' })
    const locked = await change(firm, administrator, { is_locked: true })
    expect(locked).toMatchObject({ status: 200, body: { is_locked: true, locked_at: expect.any(String) } })
    const again = await change(firm, administrator, { is_locked: true })
    expect(again.body).toEqual(locked.body)
    const others = { email: 'nobody@people.example', role: 'firm_user' }
    expect(
      await call(service.url, `POST /security-firms/${firm}/members`, { headers: member.headers, body: others }),
    ).toMatchObject({ status: 403, body: { code: 'firm_locked' } })
    expect((await call(service.url, `GET /security-firms/${firm}/members`, { headers: member.headers })).status).toBe(
      200,
    )

    expect(await change(firm, administrator, { is_locked: false })).toMatchObject({
      status: 200,
      body: { is_locked: false, locked_at: null },
    })
    const events = await service.app.db
      .selectFrom('document_events')
      .select(['action', 'outcome', 'details'])
      .where('firm_id', '=', firm)
      .where('actor_id', '=', administrator.id)
      .orderBy('occurred_at')
      .execute()
    expect(events).toEqual([
      { action: 'firm.changed', outcome: 'ok', details: { is_locked: true } },
      { action: 'firm.changed', outcome: 'ok', details: { is_locked: false } },
    ])
  })

  it('by nobody of the firm, and the attempt is audited', async () => {
    const firm = await makeFirm(service.app)
    const admin = await makeMember(service.app, firm)
    expect(await change(firm, admin, { is_locked: true })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const event = await service.app.db
      .selectFrom('document_events')
      .select(['action', 'outcome'])
      .where('actor_id', '=', admin.id)
      .executeTakeFirst()
    expect(event).toEqual({ action: 'firm.changed', outcome: 'forbidden' })
  })

  it.each<[unknown]>([
    [{}],
    [{ is_locked: 'yes' }],
    [{ is_locked: true, verification_status: 'approved' }],
    [{ credit_balance: 5 }],
    [[]],
  ])('not with: %j', async (body) => {
    const firm = await makeFirm(service.app)
    const administrator = await makePerson(service.app, { role: 'admin' })
    expect(await change(firm, administrator, body)).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    const { body: after } = await call(service.url, `GET /security-firms/${firm}`, { headers: administrator.headers })
    expect(after).toMatchObject({ is_locked: false, verification_status: 'draft' })
  })
})
