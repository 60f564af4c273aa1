import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'
import { makeFirm, makeMember } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, newRegistration, password } from '../call-people.ts'

const administrator = { email: 'Operator@People.example', role: 'admin' } as const

/** Password login is off, with the administrator of `ADMIN_EMAIL`. */
let service: TestService
beforeAll(async () => {
  const admin = { ADMIN_EMAIL: administrator.email, ADMIN_PASSWORD: password }
  service = await startService({ PASSWORD_LOGIN: 'off', ...admin })
  await makePersonWithPassword(service.app, administrator)
})
afterAll(async () => service.stop())

const detailOf = ({ body }: { body: unknown }) => (body as { detail: string }).detail

const tryLogin = (email: string, given = password) =>
  call(service.url, 'POST /auth/login', { body: { email, password: given } })

/** The same database, while password login is on. */
async function withPasswords<Result>(work: (url: string) => Promise<Result>): Promise<Result> {
  const config = { ...service.app.config, passwordLogin: true }
  const server = await buildApi({ ...service.app, config })
  try {
    return await work(await server.listen({ host: '127.0.0.1', port: 0 }))
  } finally {
    await server.close()
  }
}

describe('where password login is off', () => {
  it('a right password, a wrong one and an unknown e-mail get the same denial', async () => {
    const { email } = await makePersonWithPassword(service.app)
    const answers = [
      await tryLogin(email),
      await tryLogin(email, 'wrong'),
      await tryLogin('nobody@people.example'),
      await tryLogin(administrator.email, 'wrong'),
    ]

    const [first] = answers
    expect(first).toMatchObject({ status: 403, body: { code: 'forbidden', detail: expect.stringMatching(/is off/) } })
    expect(new Set(answers.map(detailOf)).size).toBe(1)
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1)
  })

  it('the administrator of ADMIN_EMAIL still logs in, in any case of the letters', async () => {
    expect((await tryLogin(administrator.email.toLowerCase())).status).toBe(200)
  })

  it('an exempt e-mail without the role of an administrator does not', async () => {
    const other = await startService({
      PASSWORD_LOGIN: 'off',
      ADMIN_EMAIL: 'taken@people.example',
      ADMIN_PASSWORD: password,
    })
    await makePersonWithPassword(other.app, { email: 'taken@people.example' })
    const body = { email: 'taken@people.example', password }
    expect((await call(other.url, 'POST /auth/login', { body })).status).toBe(403)
    await other.stop()
  })

  it('nobody can register', async () => {
    const registration = newRegistration()
    const answer = await call(service.url, 'POST /auth/register', { body: registration })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })

  it('a session that a password began is not renewed', async () => {
    const person = await makePersonWithPassword(service.app)
    const { refresh_token } = await withPasswords((url) => logIn(url, person))

    const renewal = await call(service.url, 'POST /auth/refresh', { body: { refresh_token } })
    expect(renewal).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/is off/) } })
  })

  it('a person changes no password and begins no second factor, the exempt administrator does', async () => {
    const person = await makePersonWithPassword(service.app)
    const { access_token: token } = await withPasswords((url) => logIn(url, person))
    const change = { current_password: password, new_password: 'winter branch lantern seven' }

    for (const [line, body] of [
      ['PUT /auth/password', change],
      ['POST /auth/second-factor/totp', undefined],
      ['POST /auth/passkeys/options', undefined],
    ] as const)
      expect(await call(service.url, line, { token, body })).toMatchObject({
        status: 403,
        body: { detail: expect.stringMatching(/is off/) },
      })

    const own = await tryLogin(administrator.email)
    const { access_token: ofAdministrator } = own.body as { access_token: string }
    const begun = await call(service.url, 'POST /auth/second-factor/totp', { token: ofAdministrator })
    expect(begun.status).toBe(201)
  })

  it('GET /auth/options says so, and names no e-mail', async () => {
    const { status, body } = await call(service.url, 'GET /auth/options')
    expect({ status, body }).toEqual({
      status: 200,
      body: { password: false, passkey: false, provider: false, registration: 'off', password_reset: false },
    })
  })

  it('the denial is recorded', async () => {
    const { id, email } = await makePersonWithPassword(service.app)
    await tryLogin(email)
    const events = await service.app.db
      .selectFrom('document_events')
      .select(['action', 'outcome'])
      .where('actor_id', '=', id)
      .execute()
    expect(events).toEqual([{ action: 'session.refused', outcome: 'forbidden' }])
  })
})

it('by default GET /auth/options names passwords and open registration', async () => {
  const open = await startService({ PUBLIC_URL: 'https://documents.example' })
  expect((await call(open.url, 'GET /auth/options')).body).toEqual({
    password: true,
    passkey: true,
    provider: false,
    registration: 'open',
    password_reset: false,
  })
  await open.stop()
})

describe('REGISTRATION=invited', () => {
  let invited: TestService
  beforeAll(async () => {
    invited = await startService({ REGISTRATION: 'invited' })
  })
  afterAll(async () => invited.stop())

  const register = (email: string) => call(invited.url, 'POST /auth/register', { body: newRegistration({ email }) })

  it('denies an e-mail without an open invitation, with or without an account, in the same way', async () => {
    const { email } = await makePersonWithPassword(invited.app)
    const [known, unknown] = [await register(email), await register('nobody@people.example')]
    expect(known).toMatchObject({ status: 403, body: { code: 'forbidden', detail: expect.stringMatching(/invited/) } })
    expect(detailOf(unknown)).toBe(detailOf(known))
  })

  it('lets an invited e-mail create an account, in any case of the letters', async () => {
    const firm = await makeFirm(invited.app)
    const admin = await makeMember(invited.app, firm)
    const invitation = await call(invited.url, `POST /security-firms/${firm}/invitations`, {
      body: { email: 'guard@people.example', role: 'firm_user' },
      headers: admin.headers,
    })
    expect(invitation.status).toBe(201)

    expect((await register('Guard@people.example')).status).toBe(201)
  })

  it('REGISTRATION=off denies everybody, while passwords still work', async () => {
    const closed = await startService({ REGISTRATION: 'off' })
    expect((await call(closed.url, 'POST /auth/register', { body: newRegistration() })).status).toBe(403)
    expect((await logIn(closed.url, await makePersonWithPassword(closed.app))).access_token).toEqual(expect.any(String))
    await closed.stop()
  })
})
