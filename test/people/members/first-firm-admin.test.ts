import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, statusesOf } from '../call-people.ts'

let service: TestService
let administrator: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => service.stop())

const as = (person: Person, line: string, body?: unknown) =>
  call(service.url, line, { headers: person.headers, ...(body === undefined ? {} : { body }) })

async function invite(firm: FirmId, email: string, role = 'firm_admin', by = administrator) {
  const answer = await as(by, `POST /security-firms/${firm}/invitations`, { email, role })
  const { id = '', link = 'http://none' } = answer.body as { id?: string; link?: string }
  return { ...answer, id, token: new URLSearchParams(new URL(link).hash.slice(1)).get('token') ?? '' }
}

const accept = (person: Person, token: string) => as(person, `POST /invitations/${token}/accept`)
const show = (token: string) => call(service.url, `GET /invitations/${token}`)

const denied = {
  status: 403,
  body: { code: 'forbidden', detail: expect.stringContaining('only to a firm that has none who is active') },
}

describe('an administrator of the platform and a firm without an active firm_admin', () => {
  it('invites its first firm_admin, and nobody after that', async () => {
    const [firm, person, other] = [
      await makeFirm(service.app),
      await makePerson(service.app),
      `${randomUUID()}@x.example`,
    ]
    const [first, second] = [await invite(firm, person.email), await invite(firm, other)]
    expect([first.status, second.status]).toEqual([201, 201])

    expect(await accept(person, first.token)).toMatchObject({ status: 200, body: { role: 'firm_admin' } })

    expect((await show(second.token)).status).toBe(404)
    expect(await invite(firm, other)).toMatchObject(denied)
    expect((await invite(firm, other, 'firm_user', person)).status).toBe(201)
    const events = await service.app.db
      .selectFrom('document_events')
      .select(['actor_id', 'action', 'outcome', 'details'])
      .where('firm_id', '=', firm)
      .where('actor_id', '=', administrator.id)
      .orderBy('occurred_at')
      .execute()
    expect(events).toMatchObject([
      { action: 'invitation.created', outcome: 'ok', details: { role: 'firm_admin', by: 'administrator' } },
      { action: 'invitation.created', outcome: 'ok' },
      { action: 'members.changed', outcome: 'forbidden' },
    ])
  })

  it('also if the only firm_admin is suspended, or has a locked account', async () => {
    const [suspended, locked] = [await makeFirm(service.app), await makeFirm(service.app)]
    await addMember(service.app, suspended, await makePerson(service.app), { status: 'suspended' })
    const admin = await makeMember(service.app, locked)
    expect((await invite(locked, 'someone@x.example')).status).toBe(403)
    await service.app.db.updateTable('registered_users').set({ is_locked: true }).where('id', '=', admin.id).execute()

    const answers = [await invite(suspended, 'someone@x.example'), await invite(locked, 'someone@x.example')]

    expect(answers.map(({ status }) => status)).toEqual([201, 201])
  })

  it('invites nobody in another role', async () => {
    const firm = await makeFirm(service.app)
    await makeMember(service.app, firm, 'firm_user')
    const answers = [
      await invite(firm, 'someone@x.example', 'firm_supervisor'),
      await as(administrator, `POST /security-firms/${firm}/members`, { email: 'a@x.example', role: 'firm_user' }),
    ]
    expect(answers).toMatchObject([denied, denied])
  })

  it('lists and withdraws the invitations', async () => {
    const firm = await makeFirm(service.app)
    const { id, token } = await invite(firm, 'typo@x.example')
    const list = `GET /security-firms/${firm}/invitations`

    expect(await as(administrator, list)).toMatchObject({ status: 200, body: [{ id, email: 'typo@x.example' }] })
    expect((await as(administrator, `DELETE /security-firms/${firm}/invitations/${id}`)).status).toBe(204)
    expect([(await as(administrator, list)).body, (await show(token)).status]).toEqual([[], 404])
  })

  it('has no open invitation any more once they are no administrator', async () => {
    const [firm, person] = [await makeFirm(service.app), await makePerson(service.app)]
    const former = await makePerson(service.app, { role: 'admin' })
    const { token } = await invite(firm, person.email, 'firm_admin', former)
    expect((await show(token)).status).toBe(200)

    await service.app.db.updateTable('registered_users').set({ role: 'user' }).where('id', '=', former.id).execute()

    expect(statusesOf([await show(token), await accept(person, token)])).toEqual([404, 404])
  })
})

it('an administrator who changes a member hears who may', async () => {
  const firm = await makeFirm(service.app)
  const member = await makeMember(service.app, firm)
  const answer = await as(administrator, `PATCH /security-firms/${firm}/members/${member.id}`, { role: 'firm_user' })
  expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('is for members of the firm') } })
})
