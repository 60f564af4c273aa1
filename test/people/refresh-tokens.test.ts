import { describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { readApiDocument } from '../support/http/api-document.ts'
import {
  call,
  later,
  logIn,
  makePersonWithPassword,
  openWithClock,
  refresh,
  refreshed,
  type TokensBody,
} from './call-people.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { setPassword } from '../../src/people/accounts/create-account.ts'

const scene = sceneOfFile(openWithClock)

async function newSession() {
  const person = await makePersonWithPassword(scene.service.app)
  return { person, tokens: await logIn(scene.service.url, person) }
}

describe('a refresh token', () => {
  it('returns new tokens that work', async () => {
    const { person, tokens } = await newSession()
    const next = await refreshed(scene.service.url, tokens.refresh_token)
    expect(next).toMatchObject({ token_type: 'bearer', expires_in: 900 })
    expect(next.refresh_token).not.toBe(tokens.refresh_token)
    const me = await call(scene.service.url, 'GET /auth/me', { token: next.access_token })
    expect(me).toMatchObject({ status: 200, body: { id: person.id } })
    await refreshed(scene.service.url, next.refresh_token)
  })

  it('returns the same successor again within a minute, on any instance', async () => {
    const { tokens } = await newSession()
    scene.clock.now = new Date()
    const first = await refreshed(scene.url, tokens.refresh_token)
    scene.clock.now = later(scene.clock.now, 60)
    expect((await refreshed(scene.url, tokens.refresh_token)).refresh_token).toBe(first.refresh_token)
    expect((await refreshed(scene.service.url, tokens.refresh_token)).refresh_token).toBe(first.refresh_token)
  })

  it('returns the same successor for two concurrent requests on two instances', async () => {
    const { tokens } = await newSession()
    scene.clock.now = new Date()
    const { db } = scene.service.app
    // Paused at their last write, so that neither completes before the other has begun.
    const pending = await db.transaction().execute(async (trx) => {
      await trx.selectFrom('document_refresh_tokens').select('id').forUpdate().execute()
      const renewals = [scene.service.url, scene.url].map((url) => refreshed(url, tokens.refresh_token))
      await waitUntilWaiting(db, 2)
      return { renewals }
    })
    const [first, second] = await Promise.all(pending.renewals)
    expect(second?.refresh_token).toBe(first?.refresh_token)
    await refreshed(scene.service.url, first?.refresh_token ?? '')
  })

  it('used again later ends the session, for the thief and for the owner', async () => {
    const { person, tokens } = await newSession()
    scene.clock.now = new Date()
    const next = await refreshed(scene.url, tokens.refresh_token)
    scene.clock.now = later(scene.clock.now, 61)
    expect(await refresh(scene.url, tokens.refresh_token)).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
    expect((await refresh(scene.service.url, next.refresh_token)).status).toBe(401)

    const again = await logIn(scene.service.url, person)
    await refreshed(scene.service.url, again.refresh_token)
  })

  it('is valid for thirty days', async () => {
    const { tokens } = await newSession()
    scene.clock.now = later(new Date(), 30 * 24 * 60 * 60 - 5)
    const next = await refreshed(scene.url, tokens.refresh_token)
    scene.clock.now = later(new Date(), 60 * 24 * 60 * 60 + 1)
    expect((await refresh(scene.url, next.refresh_token)).status).toBe(401)
  })

  it.each(['is_locked', 'is_suspended'])(
    'of a person who %s now is denied, and works again afterwards',
    async (column) => {
      const { person, tokens } = await newSession()
      const set = (value: boolean) =>
        scene.service.app.db
          .updateTable('registered_users')
          .set({ [column]: value })
          .where('id', '=', person.id)
          .execute()
      await set(true)
      expect(await refresh(scene.service.url, tokens.refresh_token)).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      })
      await set(false)
      await refreshed(scene.service.url, tokens.refresh_token)
    },
  )

  it('is not an access token, nor the reverse', async () => {
    const { tokens } = await newSession()
    expect(await call(scene.service.url, 'GET /auth/me', { token: tokens.refresh_token })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
    expect((await refresh(scene.service.url, tokens.access_token)).status).toBe(401)
  })

  it.each([{}, undefined, { refresh_token: '' }, { refresh_token: 'abc' }])('is required: %j', async (body) => {
    expect(await call(scene.service.url, 'POST /auth/refresh', { body })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
  })
})

describe('a logout', () => {
  it.each<[string, (tokens: TokensBody) => Parameters<typeof call>[2]]>([
    ['with the refresh token', ({ refresh_token }) => ({ body: { refresh_token } })],
    ['with the access token', ({ access_token: token }) => ({ token })],
  ])('with %s ends this session and no other', async (_, shown) => {
    const { person, tokens } = await newSession()
    const elsewhere = await logIn(scene.service.url, person)
    expect((await call(scene.service.url, 'POST /auth/logout', shown(tokens))).status).toBe(204)
    expect((await refresh(scene.service.url, tokens.refresh_token)).status).toBe(401)
    await refreshed(scene.service.url, elsewhere.refresh_token)
  })

  it.each<[string, (tokens: TokensBody) => Parameters<typeof call>[2]]>([
    ['with the refresh token', ({ refresh_token }) => ({ body: { refresh_token } })],
    ['with the access token', ({ access_token: token }) => ({ token })],
  ])('everywhere with %s ends all sessions of the person and no others', async (_, shown) => {
    const { person, tokens } = await newSession()
    const elsewhere = await logIn(scene.service.url, person)
    const stranger = await newSession()
    expect((await call(scene.service.url, 'POST /auth/logout?all=true', shown(tokens))).status).toBe(204)
    expect((await refresh(scene.service.url, tokens.refresh_token)).status).toBe(401)
    expect((await refresh(scene.service.url, elsewhere.refresh_token)).status).toBe(401)
    await refreshed(scene.service.url, stranger.tokens.refresh_token)
  })

  it('everywhere needs more than an expired refresh token', async () => {
    const { person, tokens: ended } = await newSession()
    const leave = (token: string, url = scene.service.url) =>
      call(url, 'POST /auth/logout?all=true', { body: { refresh_token: token } })
    await call(scene.service.url, 'POST /auth/logout', { body: { refresh_token: ended.refresh_token } })
    const used = await logIn(scene.service.url, person)
    scene.clock.now = new Date()
    const next = await refreshed(scene.url, used.refresh_token)

    expect(await leave(ended.refresh_token)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    scene.clock.now = later(scene.clock.now, 61)
    expect((await leave(used.refresh_token, scene.url)).status).toBe(401)
    const living = await refreshed(scene.service.url, next.refresh_token)

    const shown = { body: { refresh_token: ended.refresh_token }, token: living.access_token }
    expect((await call(scene.service.url, 'POST /auth/logout?all=true', shown)).status).toBe(204)
    expect((await refresh(scene.service.url, living.refresh_token)).status).toBe(401)
  })

  it('everywhere works with a token that was renewed within the minute', async () => {
    const { tokens } = await newSession()
    const next = await refreshed(scene.service.url, tokens.refresh_token)
    const body = { refresh_token: tokens.refresh_token }
    expect((await call(scene.service.url, 'POST /auth/logout?all=true', { body })).status).toBe(204)
    expect((await refresh(scene.service.url, next.refresh_token)).status).toBe(401)
  })

  it('succeeds again when repeated', async () => {
    const { tokens } = await newSession()
    const body = { refresh_token: tokens.refresh_token }
    expect((await call(scene.service.url, 'POST /auth/logout', { body })).status).toBe(204)
    expect((await call(scene.service.url, 'POST /auth/logout', { body })).status).toBe(204)
  })

  it('repeated many times ends a session once, with one audit event', async () => {
    const { person, tokens } = await newSession()
    const leave = (line: string) => call(scene.service.url, line, { token: tokens.access_token })
    for (let count = 0; count < 3; count += 1) expect((await leave('POST /auth/logout')).status).toBe(204)
    for (let count = 0; count < 3; count += 1) expect((await leave('POST /auth/logout?all=true')).status).toBe(204)

    const ended = await scene.service.app.db
      .selectFrom('document_events')
      .select('details')
      .where('actor_id', '=', person.id)
      .where('action', '=', 'session.ended')
      .execute()
    expect(ended).toEqual([{ details: { reason: 'logged_out' } }])
  })

  it('needs a token', async () => {
    for (const line of ['POST /auth/logout', 'POST /auth/logout?all=true'])
      expect(await call(scene.service.url, line)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    const forged = { body: { refresh_token: 'abc' } }
    expect((await call(scene.service.url, 'POST /auth/logout?all=true', forged)).status).toBe(401)
  })

  it('during a renewal also ends the successor', async () => {
    const { tokens } = await newSession()
    const { db } = scene.service.app
    // A lock on the token's row pauses the renewal at its last write.
    const pending = await db.transaction().execute(async (trx) => {
      await trx.selectFrom('document_refresh_tokens').select('id').forUpdate().execute()
      const renewal = refresh(scene.service.url, tokens.refresh_token)
      await waitUntilWaiting(db)
      const farewell = call(scene.service.url, 'POST /auth/logout', { body: { refresh_token: tokens.refresh_token } })
      return { renewal, farewell }
    })
    const [renewal, farewell] = await Promise.all([pending.renewal, pending.farewell])
    expect(farewell.status).toBe(204)
    expect(renewal.status).toBe(200)
    expect((await refresh(scene.service.url, (renewal.body as TokensBody).refresh_token)).status).toBe(401)
  })
})

describe('an optional body', () => {
  const json = { 'content-type': 'application/json' }

  it.each(['POST /auth/logout', 'POST /auth/refresh'])('may be empty: %s', async (line) => {
    expect(await call(scene.service.url, line, { headers: json })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
    expect(await call(scene.service.url, line, { headers: json, body: '{"refresh' })).toMatchObject({
      status: 400,
      body: { code: 'bad_request' },
    })
  })

  it('may be empty for a logout by access token', async () => {
    const { tokens } = await newSession()
    const farewell = { headers: json, token: tokens.access_token }
    expect((await call(scene.service.url, 'POST /auth/logout', farewell)).status).toBe(204)
    expect((await refresh(scene.service.url, tokens.refresh_token)).status).toBe(401)
  })

  it('is described as optional, and required bodies as required', async () => {
    const { paths } = await readApiDocument(scene.service.url)
    const isRequired = (path: string) => paths[`/api/v1/auth/${path}`]?.['post']?.requestBody?.required ?? false
    expect([isRequired('logout'), isRequired('refresh')]).toEqual([false, false])
    expect([isRequired('login'), isRequired('register')]).toEqual([true, true])
  })
})

it('a new password ends all sessions and lockouts', async () => {
  const { person, tokens } = await newSession()
  for (let n = 0; n < 10; n += 1)
    await call(scene.service.url, 'POST /auth/login', {
      body: { email: person.email, password: 'wrong horse battery' },
    })
  const { db, passwords, now } = scene.service.app
  await setPassword({ db, passwords, now, mailIsOn: false }, systemActor('a test'), {
    email: person.email.toUpperCase(),
    password: 'battery staple, correct',
  })

  expect((await refresh(scene.service.url, tokens.refresh_token)).status).toBe(401)
  const login = { body: { email: person.email, password: 'battery staple, correct' } }
  expect((await call(scene.service.url, 'POST /auth/login', login)).status).toBe(200)
})

it('no password is set for an unknown account', async () => {
  const { db, passwords, now } = scene.service.app
  await expect(
    setPassword({ db, passwords, now, mailIsOn: false }, systemActor('a test'), {
      email: 'nobody@people.example',
      password: 'battery staple, correct',
    }),
  ).rejects.toMatchObject({ code: 'not_found' })
})
