import { readdir } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { systemActor } from '../../../src/database/audit/events.ts'
import { ensureAdministrator, writePasswordFile } from '../../../src/people/accounts/ensure-administrator.ts'
import { markPasswordAsGenerated } from '../../../src/database/passwords/generated-passwords.ts'
import { makePerson } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, password, platformHash } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const next = 'quite another battery'

function change(token: string, body: object = { current_password: password, new_password: next }) {
  return call(service.url, 'PUT /auth/password', { token, body })
}

const me = async (token: string) => (await call(service.url, 'GET /auth/me', { token })).status
const loginWith = async (email: string, guess: string) =>
  (await call(service.url, 'POST /auth/login', { body: { email, password: guess } })).status

describe('a change of the password', () => {
  it('ends every session but the asking one, which goes on', async () => {
    const person = await makePersonWithPassword(service.app)
    const [asking, other] = [await logIn(service.url, person), await logIn(service.url, person)]
    expect((await change(asking.access_token)).status).toBe(204)

    expect(await me(asking.access_token)).toBe(200)
    expect(await me(other.access_token)).toBe(401)
    const refresh = (token: string) => call(service.url, 'POST /auth/refresh', { body: { refresh_token: token } })
    expect((await refresh(asking.refresh_token)).status).toBe(200)
    expect((await refresh(other.refresh_token)).status).toBe(401)
    expect(await loginWith(person.email, password)).toBe(401)
    expect(await loginWith(person.email, next)).toBe(200)
  })

  it('is 403 with a wrong current password, and ten of them lock the account', async () => {
    const person = await makePersonWithPassword(service.app)
    const { access_token: token } = await logIn(service.url, person)
    const guess = { current_password: 'wrong horse battery', new_password: next }
    const statuses = []
    for (let count = 0; count < 11; count += 1) statuses.push((await change(token, guess)).status)
    expect(statuses).toEqual([...Array(10).fill(403), 429])
    expect((await change(token)).status).toBe(429)
    expect(await loginWith(person.email, password)).toBe(429)
  })

  it.each([
    ['the same password', password],
    ['nine characters', 'nine char'],
    ['more than 72 bytes', 'x'.repeat(73)],
  ])('to %s is rejected, and the field is named', async (_, newPassword) => {
    const person = await makePersonWithPassword(service.app)
    const { access_token: token } = await logIn(service.url, person)
    expect(await change(token, { current_password: password, new_password: newPassword })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'new_password' }] },
    })
    expect(await loginWith(person.email, password)).toBe(200)
  })

  it('of an account without a password is 403', async () => {
    const person = await makePerson(service.app)
    expect((await change(person.headers.authorization.replace('Bearer ', ''))).status).toBe(403)
  })

  it('of two at once succeeds once', async () => {
    const person = await makePersonWithPassword(service.app)
    const [one, two] = [await logIn(service.url, person), await logIn(service.url, person)]
    const answers = await Promise.all([change(one.access_token), change(two.access_token)])
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
  })

  it('is audited', async () => {
    const person = await makePersonWithPassword(service.app)
    const { access_token: token } = await logIn(service.url, person)
    await change(token, { current_password: 'wrong horse battery', new_password: next })
    await change(token)
    const events = await service.app.db
      .selectFrom('document_trail')
      .select(['action', 'outcome'])
      .where('actor_id', '=', person.id)
      .where('action', '=', 'account.password_changed')
      .orderBy('occurred_at')
      .execute()
    expect(events.map(({ outcome }) => outcome)).toEqual(['forbidden', 'ok'])
  })
})

describe('a generated password', () => {
  it('must be changed before anything else; its file is then removed', async () => {
    const made = { email: '', password: '' }
    await ensureAdministrator(
      { ...service.app, actor: systemActor('a test') },
      {
        given: undefined,
        isEmbedded: true,
        handOver: async (credentials) => {
          Object.assign(made, credentials)
          await writePasswordFile(service.app.config.dataDir, credentials)
        },
      },
    )
    const answer = await call(service.url, 'POST /auth/login', { body: made })
    expect(answer).toMatchObject({ status: 200, body: { password_change_required: true } })
    const { access_token: token, refresh_token } = answer.body as { access_token: string; refresh_token: string }
    const denied = { status: 403, body: { code: 'password_change_required' } }
    expect(await call(service.url, 'GET /auth/me', { token })).toMatchObject(denied)
    expect(await call(service.url, 'GET /security-firms', { token })).toMatchObject(denied)
    const refreshed = await call(service.url, 'POST /auth/refresh', { body: { refresh_token } })
    expect(refreshed).toMatchObject({ status: 200, body: { password_change_required: true } })
    expect(await readdir(service.app.config.dataDir)).toContain('initial-admin-password')

    expect((await change(token, { current_password: made.password, new_password: next })).status).toBe(204)
    expect(await me(token)).toBe(200)
    expect(await readdir(service.app.config.dataDir)).not.toContain('initial-admin-password')
    const again = await call(service.url, 'POST /auth/login', { body: { email: made.email, password: next } })
    expect(again.body).not.toHaveProperty('password_change_required')
  })

  it('that the platform replaced need not be changed', async () => {
    const person = await makePersonWithPassword(service.app)
    const { db } = service.app
    await db.transaction().execute((trx) => markPasswordAsGenerated(trx, person.id))
    expect(await logIn(service.url, person)).toHaveProperty('password_change_required')
    const other = platformHash.replace(/^\$2b/, '$2a')
    await db.updateTable('registered_users').set({ password_hash: other }).where('id', '=', person.id).execute()
    expect(await logIn(service.url, person)).not.toHaveProperty('password_change_required')
  })
})
