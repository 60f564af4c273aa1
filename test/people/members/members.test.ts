import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { MemberShape } from '../../../src/contract/people.ts'
import { addMember, makeMember, makePerson } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { membersOfFirms } from './call-members.ts'
import { call } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const { firmWithAdmin, add, change, remove, membersOf, canSee } = membersOfFirms(() => service)

describe('a firm_admin invites a person', () => {
  it.each<[string, Record<string, unknown>]>([
    ['role', { role: 'admin' }],
    ['role', { role: undefined }],
    ['email', { email: '' }],
    ['email', { email: 'a\0@people.example' }],
    ['status', { status: 'active' }],
    ['firm_id', { firm_id: randomUUID() }],
  ])('with an invalid or forbidden %s: not valid', async (field, wish) => {
    const { firm, admin } = await firmWithAdmin()
    const { email } = await makePerson(service.app)
    const answer = await add(firm, admin, { email, role: 'firm_user', ...wish })
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(JSON.stringify(answer.body)).toContain(field)
    expect(await membersOf(firm, admin)).toHaveLength(1)
  })
})

describe('a firm_admin changes a member', () => {
  it('to another role, which is effective at the next request', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    expect(await change(firm, admin, member, { role: 'firm_admin' })).toMatchObject({
      status: 200,
      body: { user_id: member.id, role: 'firm_admin', status: 'active' },
    })
    expect(await membersOf(firm, member)).toHaveLength(2)
  })

  it('to suspended and back; a suspended member has no rights, despite their token', async () => {
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

  it('with two rows in the platform’s table in both, so that no right remains', async () => {
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
  ])('not with: %j', async (body) => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    const before = await membersOf(firm, admin)
    expect(await change(firm, admin, member, body)).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(await membersOf(firm, admin)).toEqual(before)
  })
})

describe('a pending row of the platform', () => {
  it.each<[unknown]>([[{ status: 'active' }], [{ status: 'suspended' }], [{ role: 'firm_admin' }]])(
    'is not changed by the firm: %j',
    async (body) => {
      const { firm, admin } = await firmWithAdmin()
      const person = await makePerson(service.app)
      await addMember(service.app, firm, person, { role: 'field_staff', status: 'pending' })
      const before = await membersOf(firm, admin)

      expect(await change(firm, admin, person, body)).toMatchObject({ status: 409, body: { code: 'conflict' } })
      expect(await membersOf(firm, admin)).toEqual(before)
      expect(await canSee(firm, person)).toBe(false)
    },
  )

  it('stays pending when another row of the same person is suspended and reinstated', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makeMember(service.app, firm, 'firm_user')
    await addMember(service.app, firm, person, { role: 'firm_user', status: 'pending' })
    for (const status of ['suspended', 'active']) await change(firm, admin, person, { status })

    const rows = await service.app.db
      .selectFrom('firm_users')
      .select('status')
      .where('user_id', '=', person.id)
      .orderBy('status')
      .execute()
    expect(rows.map(({ status }) => status)).toEqual(['active', 'pending'])
  })

  it('is not removed by the firm, which could then invite the person', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    await addMember(service.app, firm, person, { status: 'pending' })
    expect(await remove(firm, admin, person)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await membersOf(firm, admin)).toMatchObject([{ status: 'active' }, { status: 'pending' }])
  })

  it('stays with its role when another row of the same person is changed and removed', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makeMember(service.app, firm, 'firm_user')
    await addMember(service.app, firm, person, { role: 'field_staff', status: 'pending' })
    await change(firm, admin, person, { role: 'firm_admin' })
    expect((await remove(firm, admin, person)).status).toBe(204)
    expect(await membersOf(firm, admin)).toMatchObject([
      { user_id: admin.id },
      { user_id: person.id, role: 'field_staff', status: 'pending' },
    ])
  })
})

describe('a firm_admin removes a member', () => {
  it('who has no rights from the next request on, and keeps the account', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_admin')
    expect(await remove(firm, admin, member)).toMatchObject({ status: 204, body: undefined })
    expect(await canSee(firm, member)).toBe(false)
    expect((await call(service.url, 'GET /auth/me', { headers: member.headers })).status).toBe(200)
    expect(await remove(firm, admin, member)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  it('and can invite them again', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'firm_user')
    await remove(firm, admin, member)
    expect((await add(firm, admin, { email: member.email, role: 'firm_user' })).status).toBe(202)
  })
})

it('a member of another firm is neither found nor changed', async () => {
  const { firm, admin } = await firmWithAdmin()
  const elsewhere = await firmWithAdmin()
  const member = await makeMember(service.app, elsewhere.firm, 'firm_user')
  for (const answer of [await change(firm, admin, member, { role: 'firm_admin' }), await remove(firm, admin, member)])
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  expect(await membersOf(elsewhere.firm, elsewhere.admin)).toMatchObject([{}, { role: 'firm_user', status: 'active' }])
})

it('each change of members is audited with actor, action and person', async () => {
  const { firm, admin } = await firmWithAdmin()
  const person = await makeMember(service.app, firm, 'firm_user')
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

it('the list of members is paged oldest first and returns each member once', async () => {
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
