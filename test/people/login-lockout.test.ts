import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call, later, logIn, makePersonWithPassword, password, platformHash, serveAt } from './call-people.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { digestEmail } from '../../src/database/passwords/login-failures.ts'
import { setPassword } from '../../src/people/accounts/create-account.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

function attempt(email: string, guess = 'wrong horse battery', url = service.url) {
  return call(url, 'POST /auth/login', { body: { email, password: guess } })
}

async function statusesOf(count: number, email: string, url = service.url): Promise<number[]> {
  const statuses = []
  for (let n = 0; n < count; n += 1) statuses.push((await attempt(email, undefined, url)).status)
  return statuses
}

it('a person of the platform logs in with their password there, and their hash stays unchanged', async () => {
  const person = await makePersonWithPassword(service.app)
  const tokens = await logIn(service.url, person)
  expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 900 })
  expect(await call(service.url, 'GET /auth/me', { token: tokens.access_token })).toMatchObject({
    status: 200,
    body: { id: person.id },
  })
  const row = await service.app.db
    .selectFrom('registered_users')
    .select('password_hash')
    .where('id', '=', person.id)
    .executeTakeFirstOrThrow()
  expect(row.password_hash).toBe(platformHash)
})

it('the case of the e-mail does not matter, in the row or in the request', async () => {
  const { id, email } = await makePersonWithPassword(service.app)
  const mixed = email.replace('people', 'People')
  await service.app.db.updateTable('registered_users').set({ email: mixed }).where('id', '=', id).execute()
  expect((await attempt(email.toUpperCase(), password)).status).toBe(200)
})

it('of two rows that differ only in case, the exact match is used', async () => {
  const first = await makePersonWithPassword(service.app)
  const second = await makePersonWithPassword(service.app, { email: first.email.toUpperCase() })
  for (const person of [{ ...second, email: first.email.toUpperCase() }, first]) {
    const { access_token: token } = await logIn(service.url, person)
    expect((await call(service.url, 'GET /auth/me', { token })).body).toMatchObject({ id: person.id })
  }
})

it('a wrong password, an unknown e-mail and an account without a password get the same answer', async () => {
  const person = await makePersonWithPassword(service.app)
  const without = await makePersonWithPassword(service.app, { password_hash: null })
  const system = await makePersonWithPassword(service.app, { password_hash: 'system_user_no_login' })
  const answers = [
    await attempt(person.email),
    await attempt('nobody@people.example', password),
    await attempt(without.email, password),
    await attempt(system.email, 'system_user_no_login'),
  ]
  for (const { status, headers, body } of answers) {
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect(body).toMatchObject({ code: 'unauthenticated', detail: 'The e-mail or the password is wrong.' })
  }
})

it.each(['is_locked', 'is_suspended'])('only the right password learns that an account %s', async (column) => {
  const person = await makePersonWithPassword(service.app, { [column]: true })
  expect(await attempt(person.email)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  expect(await attempt(person.email, password)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

it.each<[string, unknown]>([
  ['no password', { email: 'a@people.example' }],
  ['a NUL in the e-mail', { email: 'a\0@people.example', password }],
  ['a password that is a list', { email: 'a@people.example', password: [password] }],
])('%s is not valid', async (_, body) => {
  expect(await call(service.url, 'POST /auth/login', { body })).toMatchObject({
    status: 422,
    body: { code: 'validation_failed', errors: [expect.anything()] },
  })
})

describe('after ten failures', () => {
  it('the account is locked out for a quarter of an hour, also for the right password, and then works again', async () => {
    const other = await serveAt(service.app)
    const { url, clock } = other
    const person = await makePersonWithPassword(service.app)
    expect(await statusesOf(10, person.email, url)).toEqual(Array(10).fill(401))

    const locked = await attempt(person.email, password, url)
    expect(locked).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(locked.headers.get('retry-after'))).toBe(15 * 60)
    clock.now = later(clock.now, 15 * 60 - 1)
    expect((await attempt(person.email, password, url)).status).toBe(429)
    clock.now = later(clock.now, 1)
    expect((await attempt(person.email, password, url)).status).toBe(200)
    await other.stop()
  })

  it('another instance enforces it, for any case of the e-mail', async () => {
    const other = await serveAt(service.app)
    const { url } = other
    const person = await makePersonWithPassword(service.app)
    await statusesOf(5, person.email)
    await statusesOf(5, person.email.toUpperCase(), url)
    expect((await attempt(person.email, password)).status).toBe(429)
    expect((await attempt(person.email, password, url)).status).toBe(429)
    await other.stop()
  })

  it('a letter that only some rules make an ASCII one is that of another mailbox, and locks nobody out', async () => {
    const person = await makePersonWithPassword(service.app)
    const email = person.email.replace('@', '.i@')
    await service.app.db.updateTable('registered_users').set({ email }).where('id', '=', person.id).execute()
    // The Turkish capital i, which PostgreSQL lowers to i with most collations.
    const spelling = email.replace('i@', 'İ@')

    expect(await statusesOf(11, spelling)).toEqual([...Array(10).fill(401), 429])
    expect((await attempt(email, password)).status).toBe(200)
  })

  it('an unknown e-mail is locked out too, so a lockout reveals nothing', async () => {
    const email = 'really-nobody@people.example'
    expect(await statusesOf(11, email)).toEqual([...Array(10).fill(401), 429])
  })

  it('nobody else is locked out, and the platform’s lock and count do not change', async () => {
    const [person, other] = [await makePersonWithPassword(service.app), await makePersonWithPassword(service.app)]
    await statusesOf(10, person.email)
    await logIn(service.url, other)
    const row = await service.app.db
      .selectFrom('registered_users')
      .select(['is_locked', 'locked_at', 'failed_login_attempts'])
      .where('id', '=', person.id)
      .executeTakeFirstOrThrow()
    expect(row).toEqual({ is_locked: false, locked_at: null, failed_login_attempts: 0 })
  })

  it('failures a quarter of an hour apart are not added up', async () => {
    const other = await serveAt(service.app)
    const { url, clock } = other
    const person = await makePersonWithPassword(service.app)
    await statusesOf(9, person.email, url)
    clock.now = later(clock.now, 15 * 60)
    expect(await statusesOf(9, person.email, url)).toEqual(Array(9).fill(401))
    expect((await attempt(person.email, password, url)).status).toBe(200)
    await other.stop()
  })

  it('any ten failures within a quarter of an hour lock, not only consecutive windows', async () => {
    const other = await serveAt(service.app)
    const { url, clock } = other
    const person = await makePersonWithPassword(service.app)
    const began = clock.now
    await statusesOf(1, person.email, url)
    clock.now = later(began, 15 * 60 - 1)
    await statusesOf(8, person.email, url)
    clock.now = later(began, 15 * 60 + 1)
    expect(await statusesOf(9, person.email, url)).toEqual([401, 401, ...Array(7).fill(429)])
    expect((await attempt(person.email, password, url)).status).toBe(429)
    await other.stop()
  })

  it('after the lockout ten guesses are possible again', async () => {
    const other = await serveAt(service.app)
    const { url, clock } = other
    const person = await makePersonWithPassword(service.app)
    await statusesOf(10, person.email, url)
    clock.now = later(clock.now, 15 * 60)
    expect(await statusesOf(11, person.email, url)).toEqual([...Array(10).fill(401), 429])
    await other.stop()
  })

  it('a successful login resets the count', async () => {
    const person = await makePersonWithPassword(service.app)
    await statusesOf(9, person.email)
    await logIn(service.url, person)
    expect(await statusesOf(9, person.email)).toEqual(Array(9).fill(401))
    expect((await attempt(person.email, password)).status).toBe(200)
  })

  it('a right guess concurrent with the tenth wrong one is denied', async () => {
    const person = await makePersonWithPassword(service.app)
    await statusesOf(9, person.email)
    const { db } = service.app
    const digest = await digestEmail(db, person.email)
    const row = db.updateTable('document_login_failures').where('email_sha256', '=', digest)
    const rightGuess = await db.transaction().execute(async (trx) => {
      await trx.executeQuery(row.set({ locked_until: later(new Date(), 900) }).compile())
      const pending = attempt(person.email, password)
      await waitUntilWaiting(db)
      return { pending }
    })
    expect((await rightGuess.pending).status).toBe(429)
  })

  it('concurrent guesses all count', async () => {
    const person = await makePersonWithPassword(service.app)
    const answers = await Promise.all(Array.from({ length: 20 }, () => attempt(person.email)))
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(10)
    expect((await attempt(person.email, password)).status).toBe(429)
  })
})

it('each login and each denial is audited, without the attempted e-mail', async () => {
  const person = await makePersonWithPassword(service.app)
  await attempt(person.email)
  await logIn(service.url, person)
  const events = await service.app.db
    .selectFrom('document_trail')
    .select(['action', 'outcome', 'ip', 'details', 'personal'])
    .where('actor_id', '=', person.id)
    .orderBy('occurred_at')
    .execute()
  expect(events).toMatchObject([
    { action: 'session.refused', outcome: 'unauthenticated', ip: '127.0.0.1', details: { failures: 1 } },
    { action: 'session.started', outcome: 'ok', ip: '127.0.0.1' },
  ])
  expect(JSON.stringify(events)).not.toContain(person.email)
  const digest = await digestEmail(service.app.db, person.email)
  expect(events[0]?.personal).toMatchObject({ email_sha256: digest })
  expect(JSON.stringify(events.map(({ details }) => details))).not.toContain(digest)
})

it('a login with a password that is replaced at the same moment starts no session', async () => {
  const { db, passwords, now } = service.app
  const person = await makePersonWithPassword(service.app)
  const login = await db.transaction().execute(async (trx) => {
    await trx
      .updateTable('registered_users')
      .set({ password_hash: 'system_user_no_login' })
      .where('id', '=', person.id)
      .execute()
    const pending = attempt(person.email, password)
    await waitUntilWaiting(db)
    return { pending }
  })
  expect((await login.pending).status).toBe(401)
  await setPassword({ db, passwords, now, mailIsOn: false }, systemActor('a test'), { email: person.email, password })
  await logIn(service.url, person)
})
