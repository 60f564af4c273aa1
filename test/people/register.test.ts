import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

import { makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call, newRegistration, password, type TokensBody, statusesOf } from './call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

async function countPeople(): Promise<number> {
  const { people } = await service.app.db
    .selectFrom('registered_users')
    .select((eb) => eb.fn.countAll<string>().as('people'))
    .executeTakeFirstOrThrow()
  return Number(people)
}

it('a new person gets an account and is logged in at once', async () => {
  const registration = newRegistration({ phone: '+27 82 555 0101' })
  const answer = await call(service.url, 'POST /auth/register', { body: registration })
  expect(answer).toMatchObject({
    status: 201,
    body: {
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 900,
      user: { email: registration['email'], phone: '+27 82 555 0101', role: 'user', is_verified: true },
    },
  })
  expect(answer.headers.get('cache-control')).toBe('no-store')

  const { access_token: token } = answer.body as TokensBody
  const me = await call(service.url, 'GET /auth/me', { token })
  expect(me).toMatchObject({ status: 200, body: { email: registration['email'], first_name: 'Thandi' } })
})

it('the database has a hash that the platform can check, and the log has no password', async () => {
  // With the cost of production, unlike the other tests.
  const inProduction = await startService({}, { passwords: {} })
  onTestFinished(() => inProduction.stop())
  const registration = newRegistration()
  await call(inProduction.url, 'POST /auth/register', { body: registration })
  const row = await inProduction.app.db
    .selectFrom('registered_users')
    .select('password_hash')
    .where('email', '=', registration['email'])
    .executeTakeFirstOrThrow()
  expect(row.password_hash).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/)
  expect(inProduction.logLines.join('')).not.toContain(password)
})

it('several people may have no phone number, which is shown as null', async () => {
  for (const registration of [newRegistration(), newRegistration()]) {
    const answer = await call(service.url, 'POST /auth/register', { body: registration })
    expect(answer).toMatchObject({ status: 201, body: { user: { phone: null } } })
  }
})

it('the e-mail is stored in lower case, and is taken in any case', async () => {
  const registration = newRegistration()
  const shouted = { ...registration, email: registration['email'].toUpperCase() }
  expect(await call(service.url, 'POST /auth/register', { body: shouted })).toMatchObject({
    status: 201,
    body: { user: { email: registration['email'] } },
  })
  expect(await call(service.url, 'POST /auth/register', { body: registration })).toMatchObject({
    status: 409,
    body: { code: 'conflict' },
  })
})

it('an e-mail that the platform stored with capitals is taken too', async () => {
  const { id, email } = await makePerson(service.app)
  const withCapitals = email.replace('people', 'People')
  await service.app.db.updateTable('registered_users').set({ email: withCapitals }).where('id', '=', id).execute()
  const answer = await call(service.url, 'POST /auth/register', { body: newRegistration({ email }) })
  expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
})

it('the phone number of another person is a conflict like their e-mail, and creates no account', async () => {
  const phone = '+27 11 555 7777'
  const registration = newRegistration({ phone })
  expect((await call(service.url, 'POST /auth/register', { body: registration })).status).toBe(201)
  const before = await countPeople()
  const answer = await call(service.url, 'POST /auth/register', { body: newRegistration({ phone }) })
  expect(answer).toMatchObject({ status: 409, body: { code: 'conflict', detail: expect.stringContaining('phone') } })
  const withSameEmail = { ...registration, phone: undefined }
  const { detail } = answer.body as { detail: string }
  expect((await call(service.url, 'POST /auth/register', { body: withSameEmail })).body).toMatchObject({ detail })
  expect(await countPeople()).toBe(before)
})

it('of many concurrent registrations with one e-mail one succeeds', async () => {
  const registration = newRegistration()
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => call(service.url, 'POST /auth/register', { body: registration })),
  )
  expect(statusesOf(answers)).toEqual([201, 409, 409, 409])
})

it.each<[string, string, Record<string, unknown>]>([
  ['no e-mail', 'email', { email: undefined }],
  ['an e-mail that is none', 'email', { email: 'thandi' }],
  ['a NUL in the e-mail', 'email', { email: 'a\0b@people.example' }],
  ['a password of nine characters', 'password', { password: 'nine char' }],
  ['a password above 72 bytes', 'password', { password: 'x'.repeat(73) }],
  ['a password that is a number', 'password', { password: 123_456_789_012 }],
  ['an empty name', 'first_name', { first_name: '  ' }],
  ['a name above 100 characters', 'last_name', { last_name: 'x'.repeat(101) }],
  ['a NUL in the name', 'first_name', { first_name: 'Tha\0ndi' }],
  ['a phone that is none', 'phone', { phone: 'ask me' }],
  ['a role of one’s own choice', 'role', { role: 'admin' }],
  ['a verification of one’s own', 'is_verified', { is_verified: true }],
])('with %s no account is created', async (_, field, wish) => {
  const before = await countPeople()
  const answer = await call(service.url, 'POST /auth/register', { body: newRegistration(wish) })
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
  expect(JSON.stringify(answer.body)).toContain(field)
  expect(await countPeople()).toBe(before)
})

it.each(['', '{', '[]', '"x"', 'null'])('a body that is not an object creates no account: %j', async (body) => {
  const answer = await call(service.url, 'POST /auth/register', {
    body,
    headers: { 'content-type': 'application/json' },
  })
  expect([400, 422]).toContain(answer.status)
  expect(answer.body).toMatchObject({ code: expect.stringMatching(/^(bad_request|validation_failed)$/) })
})
