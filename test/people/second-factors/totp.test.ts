import { sql } from 'kysely'
import { Secret, TOTP } from 'otpauth'
import { describe, expect, it } from 'vitest'

import { inTransaction } from '../../../src/database/connection/in-transaction.ts'
import { lockWholeAccount } from '../../../src/database/personal-data/erase-account.ts'
import { waitUntilWaiting } from '../../support/database/wait-for-lock.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import type { Person } from '../../support/people/people.ts'
import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { call, later, logIn, makePersonWithPassword, openWithClock, password, statusesOf } from '../call-people.ts'

const scene = sceneOfFile(openWithClock)

type Enrolled = Pick<Person, 'id' | 'email'> & { token: string; app: TOTP; recoveryCodes: string[] }

/** Moves the clock, so that every code is a new one. */
function nextCode(app: TOTP): string {
  scene.clock.now = later(scene.clock.now, 30)
  return app.generate({ timestamp: scene.clock.now.getTime() })
}

async function enrol(url = scene.url): Promise<Enrolled> {
  const person = await makePersonWithPassword(scene.service.app)
  const { access_token: token } = await logIn(url, person)
  return { ...person, token, ...(await enrolApp(url, token)) }
}

async function enrolApp(url: string, token: string) {
  const { status, body } = await call(url, 'POST /auth/second-factor/totp', { token })
  expect(status).toBe(201)
  const app = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) })
  const confirmed = await call(url, 'POST /auth/second-factor/totp/confirm', { token, body: { code: nextCode(app) } })
  expect(confirmed.status).toBe(200)
  return { app, recoveryCodes: (confirmed.body as { recovery_codes: string[] }).recovery_codes }
}

type ChallengeBody = { challenge: string; methods: string[] }

async function challengeOf({ email }: { email: string }): Promise<ChallengeBody> {
  const answer = await call(scene.url, 'POST /auth/login', { body: { email, password } })
  expect(answer).toMatchObject({ status: 200, body: { second_factor_required: true } })
  expect(answer.body).not.toHaveProperty('access_token')
  return answer.body as ChallengeBody
}

const prove = ({ challenge }: { challenge: string }, code: string, method = 'totp') =>
  call(scene.url, 'POST /auth/login/second-factor', { body: { challenge, method, code } })

async function eventsOf(id: UserId): Promise<[string, string, unknown][]> {
  const { db } = scene.service.app
  const rows = await db.selectFrom('document_trail').selectAll().where('actor_id', '=', id).orderBy('id').execute()
  return rows.map(({ action, outcome, details }) => [action, outcome, details])
}

describe('an authenticator app', () => {
  it('is challenged at the next login, and its code gives a session', async () => {
    const person = await enrol()
    expect(new Set(person.recoveryCodes).size).toBe(10)
    const challenge = await challengeOf(person)
    expect(challenge.methods).toEqual(['totp', 'recovery_code'])
    const answer = await prove(challenge, nextCode(person.app))
    expect(answer.status).toBe(200)
    const { access_token: token } = answer.body as { access_token: string }
    expect(await call(scene.url, 'GET /auth/me', { token })).toMatchObject({
      status: 200,
      body: { email_verified: true, second_factors: { totp: true, passkeys: 0, recovery_codes_left: 10 } },
    })
  })

  it('accepts each code once, also of two logins at the same moment', async () => {
    const person = await enrol()
    const challenges = [await challengeOf(person), await challengeOf(person), await challengeOf(person)] as const
    const code = nextCode(person.app)
    expect(statusesOf(await Promise.all([prove(challenges[0], code), prove(challenges[1], code)]))).toEqual([200, 401])
    expect((await prove(challenges[2], code)).status).toBe(401)
  })

  it('accepts codes of the step before and after, and no others', async () => {
    const person = await enrol()
    scene.clock.now = later(scene.clock.now, 300)
    const at = (seconds: number) => person.app.generate({ timestamp: later(scene.clock.now, seconds).getTime() })
    const challenge = await challengeOf(person)
    expect([(await prove(challenge, at(-60))).status, (await prove(challenge, at(60))).status]).toEqual([401, 401])
    expect((await prove(challenge, at(-30))).status).toBe(200)
    expect((await prove(await challengeOf(person), at(30))).status).toBe(200)
  })

  it('is no factor before a code confirms it, and cannot be replaced afterwards', async () => {
    const person = await makePersonWithPassword(scene.service.app)
    const { access_token: token } = await logIn(scene.url, person)
    await call(scene.url, 'POST /auth/second-factor/totp', { token })
    const wrong = await call(scene.url, 'POST /auth/second-factor/totp/confirm', { token, body: { code: '000000x' } })
    expect(wrong.status).toBe(401)
    await logIn(scene.url, person)
    await enrolApp(scene.url, token)
    expect((await call(scene.url, 'POST /auth/second-factor/totp', { token })).status).toBe(409)
  })

  it('is removed with the password only', async () => {
    const person = await enrol()
    const remove = (given: string) =>
      call(scene.url, 'DELETE /auth/second-factor/totp', { token: person.token, body: { password: given } })
    expect((await remove('wrong horse battery')).status).toBe(403)
    await challengeOf(person)
    expect((await remove(password)).status).toBe(204)
    await logIn(scene.url, person)
    expect((await eventsOf(person.id)).map(([action, outcome]) => `${action} ${outcome}`)).toContain(
      'second_factor.removed ok',
    )
  })

  it('has a secret that the database does not show', async () => {
    const { id, app } = await enrol()
    const { db } = scene.service.app
    const { rows } = await sql<{ sealed: Buffer }>`
      select sealed_secret as sealed from document_totp where user_id = ${id}`.execute(db)
    expect(rows[0]?.sealed.includes(app.secret.base32)).toBe(false)
    expect(rows[0]?.sealed.includes(Buffer.from(app.secret.bytes))).toBe(false)
  })
})

describe('a recovery code', () => {
  it('works once, in any writing, and leaves an event', async () => {
    const person = await enrol()
    const [code = ''] = person.recoveryCodes
    const written = ` ${code.replaceAll('-', ' ').toUpperCase()}`
    expect((await prove(await challengeOf(person), written, 'recovery_code')).status).toBe(200)
    expect((await prove(await challengeOf(person), code, 'recovery_code')).status).toBe(401)
    expect(
      (await eventsOf(person.id)).filter(([action]) => action === 'second_factor.recovery_code_used'),
    ).toHaveLength(1)
    expect(JSON.stringify(await eventsOf(person.id))).not.toContain(code)
  })

  it('is replaced with the password only, and the earlier ones stop working', async () => {
    const person = await enrol()
    const replace = (given: string) =>
      call(scene.url, 'POST /auth/second-factor/recovery-codes', { token: person.token, body: { password: given } })
    expect(await replace('wrong horse battery')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const { status, body } = await replace(password)
    const { recovery_codes: codes } = body as { recovery_codes: string[] }
    expect(status).toBe(201)
    expect(new Set([...codes, ...person.recoveryCodes]).size).toBe(20)

    const old = await prove(await challengeOf(person), person.recoveryCodes[0] ?? '', 'recovery_code')
    expect(old.status).toBe(401)
    expect((await prove(await challengeOf(person), codes[0] ?? '', 'recovery_code')).status).toBe(200)
    const events = (await eventsOf(person.id)).map(([action, outcome]) => `${action} ${outcome}`)
    expect(events.filter((event) => event.startsWith('second_factor.recovery_codes_replaced')).toSorted()).toEqual([
      'second_factor.recovery_codes_replaced forbidden',
      'second_factor.recovery_codes_replaced ok',
    ])
  })

  it('is replaced by each of two requests at once', async () => {
    const person = await enrol()
    const replace = () =>
      call(scene.url, 'POST /auth/second-factor/recovery-codes', { token: person.token, body: { password } })
    const { db } = scene.service.app
    // Both have proved their password, and wait for the account.
    const { replacing } = await inTransaction(db, async (trx) => {
      await lockWholeAccount(trx, person.id)
      const started = [replace(), replace()]
      await waitUntilWaiting(db, 2)
      return { replacing: started }
    })
    expect((await Promise.all(replacing)).map(({ status }) => status)).toEqual([201, 201])
  })

  it('is not made for a person without a second factor', async () => {
    const person = await makePersonWithPassword(scene.service.app)
    const { access_token: token } = await logIn(scene.url, person)
    const answer = await call(scene.url, 'POST /auth/second-factor/recovery-codes', { token, body: { password } })
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
  })
})

describe('a challenge', () => {
  it('takes five wrong codes, also at once, and then not the right one', async () => {
    const person = await enrol()
    const challenge = await challengeOf(person)
    await Promise.all(Array.from({ length: 5 }, () => prove(challenge, 'abcdef')))
    expect((await prove(challenge, nextCode(person.app))).status).toBe(401)
    expect((await prove(await challengeOf(person), nextCode(person.app))).status).toBe(200)
  })

  it('lives five minutes, works once, and ends with the password', async () => {
    const person = await enrol()
    const old = await challengeOf(person)
    scene.clock.now = later(scene.clock.now, 5 * 60)
    expect((await prove(old, nextCode(person.app))).status).toBe(401)

    const used = await challengeOf(person)
    expect((await prove(used, nextCode(person.app))).status).toBe(200)
    expect((await prove(used, nextCode(person.app))).status).toBe(401)

    const challenge = await challengeOf(person)
    const { db } = scene.service.app
    await db
      .updateTable('registered_users')
      .set({ password_hash: 'another' })
      .where('email', '=', person.email)
      .execute()
    expect((await prove(challenge, nextCode(person.app))).status).toBe(401)
  })

  it('gives no more guesses with another challenge: ten wrong codes lock the second factor for 15 minutes', async () => {
    const person = await enrol()
    for (let round = 0; round < 2; round += 1) {
      const challenge = await challengeOf(person)
      for (let guess = 0; guess < 5; guess += 1) expect((await prove(challenge, 'abcdef')).status).toBe(401)
    }
    const locked = await prove(await challengeOf(person), nextCode(person.app))
    expect(locked).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    scene.clock.now = later(scene.clock.now, 15 * 60)
    expect((await prove(await challengeOf(person), nextCode(person.app))).status).toBe(200)
  })
})
