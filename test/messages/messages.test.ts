import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { call, makePersonWithPassword, password } from '../people/call-people.ts'
import { makeFirm, makeMember, makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { messagesOf } from './call-messages.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

/** A person with a message for each of these passwords, without any mail server. */
async function withMessages(passwords: string[]) {
  const person = await makePersonWithPassword(service.app)
  let current = password
  for (const next of passwords) {
    const change = { current_password: current, new_password: next }
    const answer = await call(service.url, 'PUT /auth/password', { headers: person.headers, body: change })
    expect(answer.status).toBe(204)
    current = next
  }
  return person
}

it('without a mail server the person still gets the message, and no mail waits', async () => {
  const person = await withMessages(['seven brown umbrellas'])
  expect(await messagesOf(service, person)).toEqual([
    {
      id: expect.any(String) as string,
      kind: 'security_notice',
      subject: 'A security change in your account',
      text: expect.stringContaining('The password of your account was changed.') as string,
      firm_id: null,
      document_id: null,
      application_id: null,
      created_at: expect.any(String) as string,
      read_at: null,
      mailed_at: null,
    },
  ])
  expect(await service.app.db.selectFrom('document_mails').select('id').execute()).toEqual([])
})

it('without a mail server the notice says whom to ask, not to reset the password', async () => {
  const [notice] = await messagesOf(service, await withMessages(['seven brown umbrellas']))
  expect(notice?.text).toContain('ask the operator of this service for a new password')
  expect(notice?.text).not.toContain('reset your password')
})

it('messages are paged newest first', async () => {
  const person = await withMessages(['seven brown umbrellas', 'eleven crooked ladders', 'nine quiet herons'])
  const all = await messagesOf(service, person)
  expect(all).toHaveLength(3)
  const first = await call(service.url, 'GET /messages?limit=2', { headers: person.headers })
  expect(first.body).toEqual(all.slice(0, 2))
  const [, query = ''] = /<\/api\/v1\/messages([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '') ?? []
  expect(await messagesOf(service, person, query)).toEqual(all.slice(2))
})

it('a message that was read is no unread one any more, and keeps the time of the first reading', async () => {
  const person = await withMessages(['seven brown umbrellas', 'eleven crooked ladders'])
  const [newest, oldest] = (await messagesOf(service, person)).map(({ id }) => id)
  const readAt = async () => {
    const read = await call(service.url, `POST /messages/${newest}/read`, { headers: person.headers })
    expect(read.status).toBe(204)
    return (await messagesOf(service, person)).map(({ read_at: at }) => at)
  }
  const first = await readAt()
  expect(first).toEqual([expect.any(String), null])
  expect(await readAt()).toEqual(first)
  expect((await messagesOf(service, person, '?unread')).map(({ id }) => id)).toEqual([oldest])
  expect(await messagesOf(service, person, '?unread=false')).toHaveLength(2)
})

it('the message of somebody else does not exist', async () => {
  const person = await withMessages(['seven brown umbrellas'])
  const stranger = await makePerson(service.app)
  const [message] = await messagesOf(service, person)
  for (const id of [message?.id, randomUUID()]) {
    const answer = await call(service.url, `POST /messages/${id}/read`, { headers: stranger.headers })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  }
  expect(await messagesOf(service, stranger)).toEqual([])
  expect(await messagesOf(service, person, '?unread')).toHaveLength(1)
})

it('an invited person with an account finds one message without a link, however often the firm invites', async () => {
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)
  const invited = await makePerson(service.app)
  for (const role of ['firm_user', 'field_staff'])
    await call(service.url, `POST /security-firms/${firm}/members`, {
      headers: admin.headers,
      body: { email: invited.email.toUpperCase(), role },
    })
  const messages = await messagesOf(service, invited)
  expect(messages).toEqual([expect.objectContaining({ kind: 'invitation' })])
  expect(messages[0]?.text).toContain('a member of the field staff')
  expect(messages[0]?.text).not.toMatch(/#token|https?:/)
})
