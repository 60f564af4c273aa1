import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, type TokensBody } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

type SessionBody = {
  id: string
  created_at: string
  last_used_at: string
  ip: string
  user_agent: string
  current: boolean
}

async function sessionsOf({ access_token: token }: TokensBody): Promise<SessionBody[]> {
  const answer = await call(service.url, 'GET /auth/sessions', { token })
  expect(answer.status).toBe(200)
  return answer.body as SessionBody[]
}

const statusOf = async ({ access_token: token }: TokensBody) =>
  (await call(service.url, 'GET /auth/me', { token })).status

describe('the list of sessions', () => {
  it('has each login with its address and program, the last used first, and names the current one', async () => {
    const person = await makePersonWithPassword(service.app)
    const phone = await logIn(service.url, person)
    const laptop = await logIn(service.url, person)
    const sessions = await sessionsOf(laptop)
    expect(sessions.map(({ current }) => current)).toEqual([true, false])
    expect(sessions[0]).toMatchObject({ ip: '127.0.0.1', user_agent: 'node' })

    await call(service.url, 'POST /auth/refresh', {
      body: { refresh_token: phone.refresh_token },
      headers: { 'user-agent': 'a phone' },
    })
    expect((await sessionsOf(laptop)).map((each) => [each.user_agent, each.current])).toEqual([
      ['a phone', false],
      ['node', true],
    ])
  })

  it('has nothing of other people, and no session that is over', async () => {
    const [person, other] = [await makePersonWithPassword(service.app), await makePersonWithPassword(service.app)]
    const [ended, open] = [await logIn(service.url, person), await logIn(service.url, person)]
    await logIn(service.url, other)
    await call(service.url, 'POST /auth/logout', { token: ended.access_token })
    expect(await sessionsOf(open)).toHaveLength(1)
  })
})

describe('ending a session', () => {
  it('denies the next request of its access token, and no request of another session', async () => {
    const person = await makePersonWithPassword(service.app)
    const [lost, own] = [await logIn(service.url, person), await logIn(service.url, person)]
    expect(await statusOf(lost)).toBe(200)
    const id = (await sessionsOf(own)).find(({ current }) => !current)?.id
    expect((await call(service.url, `DELETE /auth/sessions/${id}`, { token: own.access_token })).status).toBe(204)
    expect([await statusOf(lost), await statusOf(own)]).toEqual([401, 200])
    expect(
      (await call(service.url, 'POST /auth/refresh', { body: { refresh_token: lost.refresh_token } })).status,
    ).toBe(401)
    expect((await call(service.url, `DELETE /auth/sessions/${id}`, { token: own.access_token })).status).toBe(404)
  })

  it('of another person is 404 and ends nothing', async () => {
    const [person, thief] = [await makePersonWithPassword(service.app), await makePersonWithPassword(service.app)]
    const [tokens, other] = [await logIn(service.url, person), await logIn(service.url, thief)]
    const [session] = await sessionsOf(tokens)
    const answer = await call(service.url, `DELETE /auth/sessions/${session?.id}`, { token: other.access_token })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await statusOf(tokens)).toBe(200)
  })
})

describe('an access token', () => {
  it('of an ended session ends no other session', async () => {
    const person = await makePersonWithPassword(service.app)
    const [stolen, own] = [await logIn(service.url, person), await logIn(service.url, person)]
    const id = (await sessionsOf(own)).find(({ current }) => !current)?.id
    await call(service.url, `DELETE /auth/sessions/${id}`, { token: own.access_token })
    await call(service.url, 'POST /auth/logout?all=true', { token: stolen.access_token })
    expect(await statusOf(own)).toBe(200)
  })

  it('is denied at once after the logout of its session', async () => {
    const tokens = await logIn(service.url, await makePersonWithPassword(service.app))
    await call(service.url, 'POST /auth/logout', { token: tokens.access_token })
    expect(await statusOf(tokens)).toBe(401)
  })

  it('is denied at once after the platform changed the password hash', async () => {
    const person = await makePersonWithPassword(service.app)
    const tokens = await logIn(service.url, person)
    const changed = { password_hash: '$2b$04$......................................................' }
    await service.app.db.updateTable('registered_users').set(changed).where('id', '=', person.id).execute()
    expect(await statusOf(tokens)).toBe(401)
    const refresh = await call(service.url, 'POST /auth/refresh', { body: { refresh_token: tokens.refresh_token } })
    expect(refresh.status).toBe(401)
  })
})
