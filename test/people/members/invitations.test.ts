import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { hasOpenInvitation } from '../../../src/database/people/open-invitations.ts'
import type { FirmId, MemberStatus } from '../../../src/vocabulary/vocabulary.ts'
import { addMember, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { membersOfFirms } from './call-members.ts'
import { type Answer, call, later, serveAt, statusesOf } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const { firmWithAdmin, add, change, remove, membersOf, canSee } = membersOfFirms(() => service)

type Created = { id: string; email: string; role: string; expires_at: string; link: string }

const as = (person: Person, line: string, body?: unknown): Promise<Answer> =>
  call(service.url, line, { headers: person.headers, ...(body === undefined ? {} : { body }) })
const inviting = (firm: FirmId, admin: Person, body: unknown) =>
  as(admin, `POST /security-firms/${firm}/invitations`, body)
const tokenIn = ({ link }: Created): string => new URLSearchParams(new URL(link).hash.slice(1)).get('token') ?? ''

async function invite(firm: FirmId, admin: Person, email: string, role = 'firm_user') {
  const answer = await inviting(firm, admin, { email, role })
  expect(answer.status).toBe(201)
  const created = answer.body as Created
  return { ...created, token: tokenIn(created) }
}

async function invitationsOf(person: Person) {
  const { body } = await as(person, 'GET /auth/me')
  return (body as { invitations: { id: string; firm_id: string; firm_name: string; role: string }[] }).invitations
}

describe('a link', () => {
  it('shows the invitation, makes the person a member once, and is not stored', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    const { id, token, link, ...rest } = await invite(firm, admin, person.email.toUpperCase(), 'field_staff')
    expect(rest).toMatchObject({ email: person.email, role: 'field_staff' })
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/invitation#token=[\w-]{43}$/)
    expect(Date.parse(rest.expires_at) - Date.now()).toBeGreaterThan(6.9 * 24 * 3_600_000)
    const { rows } = await sql<{ row: string }>`
      select t::text as row from document_link_tokens t where subject_id = ${id}`.execute(service.app.db)
    expect(rows).toHaveLength(1)
    expect(rows[0]?.row).not.toContain(token)

    const shown = await call(service.url, `GET /invitations/${token}`)
    expect(shown).toMatchObject({ status: 200 })
    expect(shown.body).toEqual({ firm_name: 'Umkhonto Guarding', role: 'field_staff', email: person.email })
    expect(await canSee(firm, person)).toBe(false)
    const accepted = await as(person, `POST /invitations/${token}/accept`)
    expect(accepted).toMatchObject({
      status: 200,
      body: { firm_id: firm, user_id: person.id, role: 'field_staff', status: 'active', invited_by: admin.id },
    })
    expect(await canSee(firm, person)).toBe(true)
    const again = [
      await as(person, `POST /invitations/${token}/accept`),
      await call(service.url, `GET /invitations/${token}`),
    ]
    expect(again.map(({ status }) => status)).toEqual([404, 404])
  })

  it('is accepted once by two requests at the same moment', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    const { token } = await invite(firm, admin, person.email)
    const answers = await Promise.all([1, 2, 3].map(() => as(person, `POST /invitations/${token}/accept`)))
    expect(statusesOf(answers)).toEqual([200, 404, 404])
    expect(await membersOf(firm, admin)).toHaveLength(2)
  })

  it('is for an account of its e-mail only', async () => {
    const { firm, admin } = await firmWithAdmin()
    const { token } = await invite(firm, admin, `${randomUUID()}@people.example`)
    const other = await makePerson(service.app)
    expect(await as(other, `POST /invitations/${token}/accept`)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    expect(await canSee(firm, other)).toBe(false)
  })

  it('lives 7 days', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    const { token, id } = await invite(firm, admin, person.email)
    const late = await serveAt(service.app)
    late.clock.now = later(new Date(), 7 * 24 * 3600 + 1)
    expect((await call(late.url, `GET /invitations/${token}`)).status).toBe(404)
    await late.stop()
    expect(await hasOpenInvitation(service.app.db, person.email, late.clock.now)).toBe(false)
    expect(await hasOpenInvitation(service.app.db, person.email.toUpperCase(), new Date())).toBe(true)
    expect(id).toBe((await invitationsOf(person))[0]?.id)
  })

  it('ends when the firm withdraws it, and when the person who invited is no firm_admin any more', async () => {
    const { firm, admin } = await firmWithAdmin()
    const second = await makeMember(service.app, firm, 'firm_admin')
    const person = await makePerson(service.app)
    const first = await invite(firm, second, person.email, 'firm_admin')
    await change(firm, admin, second, { role: 'firm_user' })
    expect((await as(person, `POST /invitations/${first.token}/accept`)).status).toBe(404)

    const renewed = await invite(firm, admin, person.email)
    expect(await as(admin, `DELETE /security-firms/${firm}/invitations/${renewed.id}`)).toMatchObject({ status: 204 })
    expect((await as(person, `POST /invitations/${renewed.token}/accept`)).status).toBe(404)
    expect((await as(admin, `DELETE /security-firms/${firm}/invitations/${renewed.id}`)).status).toBe(404)
    expect(await canSee(firm, person)).toBe(false)
  })
})

it('an invitation answers alike for people with an account, without one, and for members', async () => {
  const { firm, admin } = await firmWithAdmin()
  const person = await makePerson(service.app)
  const emails = [person.email, `${randomUUID()}@people.example`, admin.email]
  const answers = await Promise.all(emails.map((email) => add(firm, admin, { email, role: 'firm_user' })))
  for (const { status, body } of answers) expect([status, body]).toEqual([202, { status: 'invited' }])
  const created = await Promise.all(emails.map((email) => inviting(firm, admin, { email, role: 'firm_user' })))
  for (const { status, body } of created) {
    expect(status).toBe(201)
    expect(Object.keys(body as object)).toEqual(['id', 'email', 'role', 'expires_at', 'link'])
  }
})

it('the firm neither adds a person without their consent nor learns their name', async () => {
  const { firm, admin } = await firmWithAdmin()
  const person = await makePerson(service.app)
  const answer = await add(firm, admin, { email: person.email, role: 'firm_user' })
  expect(JSON.stringify(answer.body)).not.toContain('Thandi')
  expect(await canSee(firm, person)).toBe(false)
  expect((await membersOf(firm, admin)).map(({ user_id: id }) => id)).toEqual([admin.id])
})

describe('an invited person with an account', () => {
  it('sees the invitation and accepts it', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    await add(firm, admin, { email: person.email, role: 'firm_supervisor' })
    const [invitation] = await invitationsOf(person)
    expect(invitation).toMatchObject({ firm_id: firm, firm_name: 'Umkhonto Guarding', role: 'firm_supervisor' })
    const accepted = await as(person, `POST /auth/me/invitations/${invitation?.id ?? ''}/accept`)
    expect(accepted).toMatchObject({ status: 200, body: { firm_id: firm, role: 'firm_supervisor', status: 'active' } })
    expect(await invitationsOf(person)).toEqual([])
  })

  it('declines it, and cannot accept it then', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    const { id, token } = await invite(firm, admin, person.email)
    expect(await as(person, `DELETE /auth/me/invitations/${id}`)).toMatchObject({ status: 204 })
    for (const line of [`POST /auth/me/invitations/${id}/accept`, `POST /invitations/${token}/accept`])
      expect((await as(person, line)).status).toBe(404)
    expect(await as(admin, `GET /security-firms/${firm}/invitations`)).toMatchObject({ status: 200, body: [] })
  })

  it('neither accepts nor declines the invitation of another', async () => {
    const { firm, admin } = await firmWithAdmin()
    const [person, other] = [await makePerson(service.app), await makePerson(service.app)]
    const { id } = await invite(firm, admin, person.email)
    expect((await as(other, `POST /auth/me/invitations/${id}/accept`)).status).toBe(404)
    expect((await as(other, `DELETE /auth/me/invitations/${id}`)).status).toBe(404)
    expect(await invitationsOf(person)).toHaveLength(1)
  })

  it('gets the role of the last invitation', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    const { token } = await invite(firm, admin, person.email, 'firm_admin')
    await add(firm, admin, { email: person.email, role: 'field_staff' })
    expect(await as(person, `POST /invitations/${token}/accept`)).toMatchObject({ body: { role: 'field_staff' } })
  })

  it('joins no locked firm', async () => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    const { token } = await invite(firm, admin, person.email)
    await service.app.db.updateTable('security_firms').set({ is_locked: true }).where('id', '=', firm).execute()
    expect(await as(person, `POST /invitations/${token}/accept`)).toMatchObject({
      status: 403,
      body: { code: 'firm_locked' },
    })
  })

  it.each<MemberStatus>(['active', 'suspended', 'pending'])('keeps a membership that is %s', async (status) => {
    const { firm, admin } = await firmWithAdmin()
    const person = await makePerson(service.app)
    await addMember(service.app, firm, person, { role: 'field_staff', status })
    const before = await membersOf(firm, admin)
    const { token } = await invite(firm, admin, person.email, 'firm_admin')
    expect((await as(person, `POST /invitations/${token}/accept`)).status).toBe(409)
    expect(await membersOf(firm, admin)).toEqual(before)
  })
})

it('the open invitations are paged newest first, for a firm_admin only', async () => {
  const { firm, admin } = await firmWithAdmin()
  const ids: string[] = []
  for (let n = 0; n < 3; n += 1) ids.unshift((await invite(firm, admin, `${n}@people.example`)).id)
  const seen: string[] = []
  let next: string | undefined = '?limit=2'
  while (next !== undefined) {
    const page = await as(admin, `GET /security-firms/${firm}/invitations${next}`)
    expect(JSON.stringify(page.body)).not.toContain('link')
    seen.push(...(page.body as Created[]).map(({ id }) => id))
    next = /<[^?]*(\?[^>]*)>/.exec(page.headers.get('link') ?? '')?.[1]
  }
  expect(seen).toEqual(ids)
  const supervisor = await makeMember(service.app, firm, 'firm_supervisor')
  expect((await as(supervisor, `GET /security-firms/${firm}/invitations`)).status).toBe(403)
  const elsewhere = await firmWithAdmin()
  expect(
    (await as(elsewhere.admin, `DELETE /security-firms/${elsewhere.firm}/invitations/${ids[0] ?? ''}`)).status,
  ).toBe(404)
})

it('the firm can neither activate nor remove a pending membership of the platform', async () => {
  const { firm, admin } = await firmWithAdmin()
  const person = await makePerson(service.app)
  await addMember(service.app, firm, person, { role: 'firm_user', status: 'pending' })
  await add(firm, admin, { email: person.email, role: 'firm_user' })
  for (const status of ['active', 'suspended'])
    expect(await change(firm, admin, person, { status })).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect(await canSee(firm, person)).toBe(false)
  expect((await remove(firm, admin, person)).status).toBe(409)
})

it('invitations leave events without an e-mail', async () => {
  const { firm, admin } = await firmWithAdmin()
  const person = await makePerson(service.app)
  const { token } = await invite(firm, admin, person.email)
  await as(person, `POST /invitations/${token}/accept`)
  await as(person, `DELETE /auth/me/memberships/${firm}`)
  const events = await service.app.db
    .selectFrom('document_events')
    .select(['action', 'outcome', 'details'])
    .where('firm_id', '=', firm)
    .orderBy('occurred_at')
    .execute()
  expect(events.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    'invitation.created ok',
    'invitation.accepted ok',
    'member.left ok',
  ])
  expect(JSON.stringify(events)).not.toContain(person.email)
})

it('where mail is on, an invitation is mailed to the person; the mail in the queue has no secret', async () => {
  const { firm, admin } = await firmWithAdmin()
  const email = `${randomUUID()}@people.example`
  const mailing = await serveAt({ ...service.app, mailIsOn: true })
  const body = { email, role: 'firm_user' }
  const created = await call(mailing.url, `POST /security-firms/${firm}/invitations`, { headers: admin.headers, body })
  await mailing.stop()
  const { id } = created.body as Created
  const mails = await service.app.db
    .selectFrom('document_mails')
    .select(['kind', 'subject_id', 'facts'])
    .where('recipient', '=', email)
    .execute()
  expect(mails).toMatchObject([{ kind: 'invitation', subject_id: id, facts: { firmName: 'Umkhonto Guarding' } }])
  expect(JSON.stringify(mails)).not.toContain(tokenIn(created.body as Created))
})
