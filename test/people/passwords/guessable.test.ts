import { hash } from '@node-rs/bcrypt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { systemActor } from '../../../src/database/audit/events.ts'
import { createAccount, setPassword } from '../../../src/people/accounts/create-account.ts'
import { ensureAdministrator } from '../../../src/people/accounts/ensure-administrator.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, newRegistration, password } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const register = (wish: Record<string, unknown>) =>
  call(service.url, 'POST /auth/register', { body: newRegistration(wish) })

const guessable = [
  ['password1234', 'it is similar to a common password'],
  ['aaaaaaaaaaaa', 'repeated characters add little'],
  ['Thandi2026!', 'words about the person or this service are tried early'],
  ['paniq2026!', 'words about the person or this service are tried early'],
  ['paniq documents', 'words about the person or this service are tried early'],
] as const

const accepted = ['correct horse battery', 'a long walk to work', 'Zk3vQ8-xW1n', 'umfula umnyama uyagijima']

describe('a registration', () => {
  it.each(guessable)('with the guessable password %s is rejected with the reason', async (word, reason) => {
    const answer = await register({ password: word })
    expect(answer).toMatchObject({
      status: 422,
      body: {
        code: 'validation_failed',
        detail: expect.stringContaining(`The password is easy to guess: ${reason}`),
        errors: [{ field: 'password', message: expect.stringContaining(reason) }],
      },
    })
    expect(JSON.stringify(answer.body)).not.toContain(word)
    expect(service.logLines.join('')).not.toContain(word)
  })

  it('with a password made of their own e-mail is rejected', async () => {
    const wish = { email: 'zanokuhle.mbatha@umfolozi-guards.example', password: 'Zanokuhle77' }
    expect((await register(wish)).status).toBe(422)
    expect((await register({ password: wish.password })).status).toBe(201)
  })

  it.each(accepted)('with the password %s is accepted', async (word) => {
    expect((await register({ password: word })).status).toBe(201)
  })
})

describe('a change of the password', () => {
  it.each(guessable.filter(([word]) => !word.startsWith('Thandi')))(
    'to the guessable %s is rejected with the reason, and the old one stays',
    async (word, reason) => {
      const person = await makePersonWithPassword(service.app)
      const { access_token: token } = await logIn(service.url, person)
      const body = { current_password: password, new_password: word }
      expect(await call(service.url, 'PUT /auth/password', { token, body })).toMatchObject({
        status: 422,
        body: { errors: [{ field: 'new_password', message: expect.stringContaining(reason) }] },
      })
      await logIn(service.url, person)
    },
  )

  it('to one made of their own name is rejected', async () => {
    const person = await makePersonWithPassword(service.app, { first_name: 'Zanokuhle', last_name: 'Mbatha' })
    const { access_token: token } = await logIn(service.url, person)
    const change = (next: string) =>
      call(service.url, 'PUT /auth/password', { token, body: { current_password: password, new_password: next } })
    expect((await change('Zanokuhle77')).status).toBe(422)
    expect((await change('a river that runs north')).status).toBe(204)
  })
})

it('a guessable password from before still logs in, and can be changed', async () => {
  const old = 'Thandi2026!'
  const person = await makePersonWithPassword(service.app, { password_hash: await hash(old, 4) })
  const answer = await call(service.url, 'POST /auth/login', { body: { email: person.email, password: old } })
  expect(answer.status).toBe(200)
  const { access_token: token } = answer.body as { access_token: string }
  const body = { current_password: old, new_password: password }
  expect((await call(service.url, 'PUT /auth/password', { token, body })).status).toBe(204)
})

it('commands and ADMIN_PASSWORD reject a guessable password too', async () => {
  const actor = systemActor('a test')
  const email = 'zanokuhle@umfolozi.example'
  const person = { email, firstName: 'Zanokuhle', lastName: 'Mbatha', role: 'user', isVerified: true } as const
  const rejected = { code: 'validation_failed', message: expect.stringContaining('is easy to guess') }
  const create = (word: string) => createAccount(service.app, { actor, by: 'command' }, person, word)
  await expect(create('Zanokuhle1')).rejects.toMatchObject(rejected)
  await create(password)
  await expect(setPassword(service.app, actor, { email, password: 'Zanokuhle1' })).rejects.toMatchObject(rejected)
  const given = { email: 'admin@umfolozi.example', password: 'Umfolozi2026' }
  await expect(
    ensureAdministrator({ ...service.app, actor }, { given, isEmbedded: false, handOver: async () => undefined }),
  ).rejects.toMatchObject(rejected)
})
