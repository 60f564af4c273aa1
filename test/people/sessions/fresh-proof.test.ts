import { randomUUID } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { expect, it } from 'vitest'

import { inTransaction } from '../../../src/database/connection/in-transaction.ts'
import { replaceRecoveryCodes } from '../../../src/database/second-factors/factors.ts'
import { insertPasskey } from '../../../src/database/second-factors/passkeys.ts'
import { addMember, makeFirm, type Person } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { call, later, logIn, makePersonWithPassword, password, openWithClock } from '../call-people.ts'

const scene = sceneOfFile((closing) => openWithClock(closing, { PUBLIC_URL: 'http://localhost:8000' }))

async function signIn(): Promise<{ person: Person; token: string; refreshToken: string; firmId: string }> {
  const person = await makePersonWithPassword(scene.service.app)
  const firmId = await makeFirm(scene.service.app)
  await addMember(scene.service.app, firmId, person, { role: 'firm_admin' })
  const { access_token: token, refresh_token: refreshToken } = await logIn(scene.url, person)
  return { person, token, refreshToken, firmId }
}

async function refresh({ refreshToken }: { refreshToken: string }): Promise<string> {
  const { body } = await call(scene.url, 'POST /auth/refresh', { body: { refresh_token: refreshToken } })
  return (body as { access_token: string }).access_token
}

const pass = (minutes: number) => (scene.clock.now = later(scene.clock.now, minutes * 60))

/** What would let a thief of the session in again. */
const guarded = ({ token, firmId }: { token: string; firmId: string }) => {
  const key = { name: 'a key', scopes: ['documents:read'], firm_id: firmId }
  const ask = (line: string, given: object, more: object) =>
    call(scene.url, line, { token, body: { ...given, ...more } })
  return {
    app: (more: object = {}) => ask('POST /auth/second-factor/totp', {}, more),
    passkey: (more: object = {}) => ask('POST /auth/passkeys/options', {}, more),
    key: (more: object = {}) => ask('POST /api-keys', key, more),
  }
}
const statusesIn = async (calls: ReturnType<typeof guarded>, more?: object) => [
  (await calls.app(more)).status,
  (await calls.passkey(more)).status,
  (await calls.key(more)).status,
]

it('a new session adds an app, a passkey and an API key without the password', async () => {
  const session = await signIn()
  pass(9)
  expect(await statusesIn(guarded(session))).toEqual([201, 200, 201])
})

it('an older session adds none of them, and says what to do', async () => {
  const session = await signIn()
  pass(11)
  expect(await statusesIn(guarded(session))).toEqual([403, 403, 403])
  const denied = await guarded(session).key()
  expect(denied.body).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('"password"') })
  const { db } = scene.service.app
  const events = await db.selectFrom('document_trail').selectAll().where('actor_id', '=', session.person.id).execute()
  expect(events.filter(({ outcome }) => outcome === 'forbidden').map(({ details }) => details)).toContainEqual({
    reason: 'not_proven',
  })
})

it('the password makes an older session new again for ten minutes; a wrong one counts as a failed login', async () => {
  const session = await signIn()
  pass(11)
  expect(await statusesIn(guarded(session), { password: 'wrong horse battery' })).toEqual([403, 403, 403])
  expect((await guarded(session).app({ password })).status).toBe(201)
  expect(await statusesIn(guarded(session))).toEqual([201, 200, 201])
  pass(11)
  const refreshed = { ...session, token: await refresh(session) }
  expect((await guarded(refreshed).passkey()).status).toBe(403)
})

it('ten wrong passwords lock the e-mail, also for the right one', async () => {
  const session = await signIn()
  pass(11)
  for (let guess = 0; guess < 10; guess += 1)
    expect((await guarded(session).key({ password: `wrong ${guess}` })).status).toBe(403)
  expect((await guarded(session).key({ password })).status).toBe(429)
})

it('a refresh makes no session new', async () => {
  const session = await signIn()
  pass(11)
  const token = await refresh(session)
  expect((await call(scene.url, 'POST /auth/second-factor/totp', { token })).status).toBe(403)
})

/** A person with a passkey and a recovery code, and two tokens: one of a new session, and one that names no session. */
async function makeHolder() {
  // The token that names no session has the time of this machine.
  scene.clock.now = new Date()
  const { person, token } = await signIn()
  const { db } = scene.service.app
  const [credentialId, createdAt] = [randomUUID(), new Date()]
  const passkey = { userId: person.id, credentialId, publicKey: Buffer.from('a key'), signCount: 0, transports: [] }
  const added = await inTransaction(db, async (trx) => {
    await replaceRecoveryCodes(trx, person.id, [Buffer.alloc(32)])
    return await insertPasskey(trx, { ...passkey, name: 'My phone', createdAt })
  })
  return { passkeyId: added?.id, tokens: [token, person.headers.authorization.replace('Bearer ', '')] }
}

it('no passkey is removed without the password, also in a new session and with a token that names none', async () => {
  const { passkeyId, tokens } = await makeHolder()
  const remove = (token: string | undefined, body?: object) =>
    call(scene.url, `DELETE /auth/passkeys/${passkeyId}`, { token, body })
  for (const token of tokens) {
    expect(await remove(token)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await remove(token, { password: 'wrong horse battery' })).status).toBe(403)
  }
  expect((await remove(tokens[1], { password })).status).toBe(204)
  expect((await remove(tokens[0], { password })).status).toBe(404)
})

const begin = (token: string | undefined, body: object = {}) =>
  call(scene.url, 'POST /auth/second-factor/totp', { token, body })

it('recovery codes are not replaced without the password, also in a new session and with a token that names none', async () => {
  const { tokens } = await makeHolder()
  for (const token of tokens) {
    expect(await begin(token)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await begin(token, { password: 'wrong horse battery' })).status).toBe(403)
    expect((await begin(token, { password })).status).toBe(201)
    expect((await begin(token)).status).toBe(403)
  }
})

it('an app that was begun with a proof is confirmed later without another', async () => {
  const session = await signIn()
  const { body } = await guarded(session).app()
  pass(11)
  const code = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) }).generate({
    timestamp: scene.clock.now.getTime(),
  })
  const confirm = await call(scene.url, 'POST /auth/second-factor/totp/confirm', {
    token: session.token,
    body: { code },
  })
  expect(confirm.status).toBe(200)
})
