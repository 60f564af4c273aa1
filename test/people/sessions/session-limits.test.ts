import { afterAll, beforeAll, expect, it } from 'vitest'

import { removeExpiredSessions } from '../../../src/database/people/sessions.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { type Answer, call, later, logIn, makePersonWithPassword, serveAt, type TokensBody } from '../call-people.ts'

let service: TestService
let other: Awaited<ReturnType<typeof serveAt>>
beforeAll(async () => {
  service = await startService()
  other = await serveAt(service.app)
})
afterAll(async () => {
  await other.stop()
  await service.stop()
})

const refresh = (token: string, url: string): Promise<Answer> =>
  call(url, 'POST /auth/refresh', { body: { refresh_token: token } })

async function refreshed(token: string, url: string): Promise<TokensBody> {
  const answer = await refresh(token, url)
  expect(answer.status).toBe(200)
  return answer.body as TokensBody
}

const hour = 60 * 60
const day = 24 * hour

it('a session ends 30 days after its login, also if it was refreshed', async () => {
  const start = new Date()
  other.clock.now = start
  const person = await makePersonWithPassword(service.app)
  let tokens = await logIn(other.url, person)
  other.clock.now = later(start, 20 * day)
  tokens = await refreshed(tokens.refresh_token, other.url)
  other.clock.now = later(start, 30 * day - 60)
  tokens = await refreshed(tokens.refresh_token, other.url)
  expect(tokens.expires_in).toBeLessThanOrEqual(60)
  other.clock.now = later(start, 30 * day + 1)
  expect((await refresh(tokens.refresh_token, other.url)).status).toBe(401)
  expect((await call(other.url, 'GET /auth/me', { token: tokens.access_token })).status).toBe(401)

  await removeExpiredSessions(service.app.db, other.clock.now)
  const { db } = service.app
  const left = await db.selectFrom('document_sessions').select('id').where('user_id', '=', person.id).execute()
  expect(left).toEqual([])
})

it('a person has at most 100 open sessions, and the one that was not used for longest ends first', async () => {
  other.clock.now = new Date()
  const person = await makePersonWithPassword(service.app)
  const first = await logIn(other.url, person)
  for (let login = 0; login < 100; login += 1) {
    other.clock.now = later(other.clock.now, 1)
    await logIn(other.url, person)
  }
  const last = await logIn(other.url, person)
  const sessions = await call(other.url, 'GET /auth/sessions', { token: last.access_token })
  expect(sessions.body).toHaveLength(100)
  expect((await call(other.url, 'GET /auth/me', { token: first.access_token })).status).toBe(401)
})

it('the session of an administrator ends 12 hours after its login', async () => {
  const start = new Date()
  other.clock.now = start
  const person = await makePersonWithPassword(service.app, { role: 'admin' })
  const tokens = await logIn(other.url, person)
  other.clock.now = later(start, 12 * hour - 60)
  const next = await refreshed(tokens.refresh_token, other.url)
  other.clock.now = later(start, 12 * hour + 1)
  expect((await refresh(next.refresh_token, other.url)).status).toBe(401)
})

it('the session of a person who became an administrator ends 12 hours after its login', async () => {
  const start = new Date()
  other.clock.now = start
  const person = await makePersonWithPassword(service.app)
  const tokens = await logIn(other.url, person)
  await service.app.db.updateTable('registered_users').set({ role: 'admin' }).where('id', '=', person.id).execute()
  other.clock.now = later(start, 12 * hour + 1)
  expect((await refresh(tokens.refresh_token, other.url)).status).toBe(401)
})

it('the session of a person who became a reviewer ends 12 hours after its login', async () => {
  const start = new Date()
  other.clock.now = start
  const person = await makePersonWithPassword(service.app)
  const tokens = await logIn(other.url, person)
  const role = { user_id: person.id, role: 'reviewer', granted_by: person.id } as const
  await service.app.db.insertInto('document_platform_roles').values(role).execute()
  other.clock.now = later(start, 12 * hour - 60)
  const next = await refreshed(tokens.refresh_token, other.url)
  expect(next.expires_in).toBeLessThanOrEqual(60)
  other.clock.now = later(start, 12 * hour + 1)
  expect((await refresh(next.refresh_token, other.url)).status).toBe(401)
})
