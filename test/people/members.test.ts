import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { MemberShape } from '../../src/contract/people.ts'
import { addMember, makeMember, makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { membersOfFirms } from './call-members.ts'
import { call, statusesOf } from './call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const { firmWithAdmin, add, change, remove, membersOf, canSee, atTheSameMoment } = membersOfFirms(() => service)

describe('a firm_admin adds somebody', () => {
  it('who has an account: an active member at once, whatever the case of the e-mail', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    expect(await canSee(firm, person)).toBe(false)
    const answer = await add(firm, admin, { email: person.email.toUpperCase(), role: 'firm_user' })
    expect(answer).toMatchObject({
      status: 201,
      body: {
        user_id: person.id,
        email: person.email,
        role: 'firm_user',
        status: 'active',
        invited_by: admin.id,
        accepted_at: expect.any(String),
      },
    })
    expect(await canSee(firm, person)).toBe(true)
    expect((await membersOf(firm, admin)).map(({ user_id }) => user_id)).toEqual([admin.id, person.id])
  })

  it('whom the platform has invited: active, with the role of now', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    await addMember(service.app, firm, person, { role: 'field_staff', status: 'pending' })
    expect(await add(firm, admin, { email: person.email, role: 'firm_supervisor' })).toMatchObject({
      status: 201,
      body: { role: 'firm_supervisor', status: 'active', accepted_at: expect.any(String) },
    })
    expect(await membersOf(firm, admin)).toHaveLength(2)
  })

  it('who has no account: not found', async () => {
    const { firm, admin } = await firmWithAdmin()
    expect(await add(firm, admin, { email: 'nobody@people.example', role: 'firm_user' })).toMatchObject({
      status: 404,
      body: { code: 'not_found', detail: expect.stringContaining('register') },
    })
  })

  it.each(['active', 'suspended'] as const)(
    'who is a member already (%s): a conflict that changes nothing',
    async (status) => {
      const { firm, admin } = await firmWithAdmin()
      const person = await makePerson(service.app)
      await addMember(service.app, firm, person, { role: 'field_staff', status })
      const before = await membersOf(firm, admin)
      expect(await add(firm, admin, { email: person.email, role: 'firm_admin' })).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      })
      expect(await membersOf(firm, admin)).toEqual(before)
    },
  )

  it('twice at the same moment: one member', async () => {
    const { firm, admin } = await firmWithAdmin()
    const { email } = await makePerson(service.app)
    const answers = await atTheSameMoment(
      firm,
      [1, 2].map(() => () => add(firm, admin, { email, role: 'firm_user' })),
    )
    expect(statusesOf(answers)).toEqual([201, 409])
    expect(await membersOf(firm, admin)).toHaveLength(2)
  })

  it.each<[string, Record<string, unknown>]>([
    ['role', { role: 'admin' }],
    ['role', { role: undefined }],
    ['email', { email: '' }],
    ['email', { email: 'a\0@people.example' }],
    ['status', { status: 'active' }],
    ['firm_id', { firm_id: randomUUID() }],
  ])('with a wrong or forbidden %s: not valid', async (field, wish) => {
    const { firm, admin } = await firmWithAdmin()
    const { email } = await makePerson(service.app)
    const answer = await add(firm, admin, { email, role: 'firm_user', ...wish })
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(JSON.stringify(answer.body)).toContain(field)
    expect(await membersOf(firm, admin)).toHaveLength(1)
  })
})

describe('a firm_admin changes a member', () => {
  it('to another role, which counts from the next request on', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    expect(await change(firm, admin, member, { role: 'firm_admin' })).toMatchObject({
      status: 200,
      body: { user_id: member.id, role: 'firm_admin', status: 'active' },
    })
    expect(await membersOf(firm, member)).toHaveLength(2)
  })

  it('to suspended and back; a suspended member may nothing, with the token that they still have', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    expect(await change(firm, admin, member, { status: 'suspended' })).toMatchObject({
      status: 200,
      body: { status: 'suspended', role: 'firm_user' },
    })
    expect(await canSee(firm, member)).toBe(false)
    expect((await change(firm, admin, member, { status: 'active' })).status).toBe(200)
    expect(await canSee(firm, member)).toBe(true)
  })

  it('whom the platform’s table holds twice in both rows, so that no right is left over', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_supervisor')
    await addMember(service.app, firm, member, { role: 'firm_user' })
    expect((await membersOf(firm, admin)).filter(({ user_id }) => user_id === member.id)).toMatchObject([
      { role: 'firm_supervisor' },
    ])
    expect((await change(firm, admin, member, { status: 'suspended' })).status).toBe(200)
    expect(await canSee(firm, member)).toBe(false)
  })

  it.each<[unknown]>([
    [{}],
    [{ role: 'admin' }],
    [{ status: 'pending' }],
    [{ status: 'suspended', firm_id: randomUUID() }],
    [{ user_id: randomUUID() }],
  ])('by no other words: %j', async (body) => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    const before = await membersOf(firm, admin)
    expect(await change(firm, admin, member, body)).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(await membersOf(firm, admin)).toEqual(before)
  })
})

describe('a firm_admin removes a member', () => {
  it('who may nothing from the next request on, and whose account stays', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_admin')
    expect(await remove(firm, admin, member)).toMatchObject({ status: 204, body: undefined })
    expect(await canSee(firm, member)).toBe(false)
    expect((await call(service.url, 'GET /auth/me', { headers: member.headers })).status).toBe(200)
    expect(await remove(firm, admin, member)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  it('and can add them again', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    await remove(firm, admin, member)
    expect((await add(firm, admin, { email: member.email, role: 'firm_user' })).status).toBe(201)
  })
})

it('a member of another firm is not found here, nor changed there', async () => {
  const { firm, admin } = await firmWithAdmin()
  const elsewhere = await firmWithAdmin()
  const member = await makeMember(service.app, elsewhere.firm, 'firm_user')
  for (const answer of [await change(firm, admin, member, { role: 'firm_admin' }), await remove(firm, admin, member)])
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  expect(await membersOf(elsewhere.firm, elsewhere.admin)).toMatchObject([{}, { role: 'firm_user', status: 'active' }])
})

it('each change of members is told in the audit trail, in the words of who did what to whom', async () => {
  const { firm, admin } = await firmWithAdmin()
  const person = await makePerson(service.app)
  await add(firm, admin, { email: person.email, role: 'firm_user' })
  await change(firm, admin, person, { role: 'firm_supervisor' })
  await change(firm, admin, person, { role: 'firm_supervisor' })
  await remove(firm, admin, person)
  const events = await service.app.db
    .selectFrom('document_events')
    .select(['action', 'outcome', 'actor_id', 'details'])
    .where('firm_id', '=', firm)
    .orderBy('occurred_at')
    .execute()
  expect(events).toEqual([
    { action: 'member.added', outcome: 'ok', actor_id: admin.id, details: { user_id: person.id, role: 'firm_user' } },
    {
      action: 'member.changed',
      outcome: 'ok',
      actor_id: admin.id,
      details: {
        user_id: person.id,
        before: { role: 'firm_user', status: 'active' },
        after: { role: 'firm_supervisor', status: 'active' },
      },
    },
    {
      action: 'member.removed',
      outcome: 'ok',
      actor_id: admin.id,
      details: { user_id: person.id, role: 'firm_supervisor', status: 'active' },
    },
  ])
})

it('the list of members comes page by page, in the order in which they came, each once', async () => {
  const { firm, admin } = await firmWithAdmin()
  for (let n = 0; n < 4; n += 1) await makeMember(service.app, firm, 'field_staff')
  const all = await membersOf(firm, admin)
  const seen: MemberShape[] = []
  let next: string | undefined = '?limit=2'
  while (next !== undefined) {
    const page = await call(service.url, `GET /security-firms/${firm}/members${next}`, { headers: admin.headers })
    seen.push(...(page.body as MemberShape[]))
    next = /<[^?]*(\?[^>]*)>/.exec(page.headers.get('link') ?? '')?.[1]
  }
  expect(seen).toHaveLength(5)
  expect(seen).toEqual(all)
})
