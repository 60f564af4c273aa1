import { Secret, TOTP } from 'otpauth'
import { beforeEach, expect, it } from 'vitest'

import { insertAccountLink } from '../../../src/database/mail/link-tokens.ts'
import { createSecret, hashSecret } from '../../../src/vocabulary/secrets.ts'
import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'
import { startDevice } from '../../support/services/programs/chromium.ts'
import { call, logIn, makePersonWithPassword, password, serveAt } from '../call-people.ts'

const scene = sceneOfFile(async (closing) => {
  const device = await startDevice()
  closing.defer(() => device.close())
  const service = await startService({ PUBLIC_URL: device.origin })
  closing.defer(() => service.stop())
  return { service, device }
})

beforeEach(() => scene.device.clear())

const post = (path: string, body: unknown = {}, token?: string) =>
  call(scene.service.url, `POST /auth${path}`, { body, token })

type PersonWithPasskey = { id: UserId; email: string; token: string; passkeyId: string; recoveryCodes: string[] }

/** A person who created a passkey on the device. */
async function makePersonWithPasskey(): Promise<PersonWithPasskey> {
  const person = await makePersonWithPassword(scene.service.app)
  const { access_token: token } = await logIn(scene.service.url, person)
  const options = await post('/passkeys/options', {}, token)
  expect(options.status).toBe(200)
  const added = await post('/passkeys', { ...(await scene.device.create(options.body)), name: 'My phone' }, token)
  expect(added).toMatchObject({ status: 201, body: { name: 'My phone', last_used_at: null } })
  const { id: passkeyId, recovery_codes: recoveryCodes } = added.body as { id: string; recovery_codes: string[] }
  return { ...person, token, passkeyId, recoveryCodes }
}

async function assertion(): Promise<Record<string, unknown>> {
  const { body } = await post('/login/passkey/options')
  return await scene.device.sign(body)
}

async function challengeOf({ email }: Pick<PersonWithPasskey, 'email'>) {
  const { body } = await post('/login', { email, password })
  return body as { challenge: string; methods: string[]; passkey_options?: unknown }
}

const removeOf = ({ token, passkeyId }: PersonWithPasskey) =>
  call(scene.service.url, `DELETE /auth/passkeys/${passkeyId}`, { token, body: { password } })

it('a passkey signs in without a password, and each signature once', async () => {
  const person = await makePersonWithPasskey()
  const signed = await assertion()
  const answer = await post('/login/passkey', signed)
  expect(answer.status).toBe(200)
  const { access_token: token } = answer.body as { access_token: string }
  expect((await call(scene.service.url, 'GET /auth/me', { token })).body).toMatchObject({ id: person.id })
  expect((await post('/login/passkey', signed)).status).toBe(401)
})

it('the person of a passkey is challenged after the password, and proves it with the options of the login', async () => {
  const person = await makePersonWithPasskey()
  const { challenge, methods, passkey_options: options } = await challengeOf(person)
  expect(methods).toEqual(['passkey', 'recovery_code'])
  const code = await scene.device.sign(options)
  const other = await challengeOf(person)
  const elsewhere = await post('/login/second-factor', { challenge: other.challenge, method: 'passkey', code })
  expect(elsewhere.status).toBe(401)
  expect((await post('/login/second-factor', { challenge, method: 'passkey', code })).status).toBe(200)
})

it('after a reset of the password by mail no passkey signs in alone, until it was used with the new password', async () => {
  const { app } = scene.service
  const person = await makePersonWithPasskey()
  const createdAt = new Date()
  const secret = createSecret()
  const sha256 = hashSecret(secret)
  const link = { sha256, purpose: 'password_reset', createdAt, expiresAt: new Date(createdAt.getTime() + 60_000) }
  await insertAccountLink(app.db, link, person.email)
  const newPassword = 'seven brown umbrellas'
  expect((await post('/password/reset', { token: secret, new_password: newPassword })).status).toBe(204)

  const alone = await post('/login/passkey', await assertion())
  expect(alone).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/new password/) } })
  const { body } = await post('/login', { email: person.email, password: newPassword })
  const { challenge, passkey_options: options } = body as { challenge: string; passkey_options: unknown }
  const code = await scene.device.sign(options)
  expect((await post('/login/second-factor', { challenge, method: 'passkey', code })).status).toBe(200)
  expect((await post('/login/passkey', await assertion())).status).toBe(200)
})

it('after the loss of a passkey a recovery code finishes the login', async () => {
  const person = await makePersonWithPasskey()
  const { challenge } = await challengeOf(person)
  const [code] = person.recoveryCodes
  expect((await post('/login/second-factor', { challenge, method: 'recovery_code', code })).status).toBe(200)
})

it('a count of signatures that decreased is denied, and recorded', async () => {
  const person = await makePersonWithPasskey()
  expect((await post('/login/passkey', await assertion())).status).toBe(200)
  await scene.device.resetCounters()
  expect((await post('/login/passkey', await assertion())).status).toBe(401)
  const { db } = scene.service.app
  const events = await db.selectFrom('document_trail').selectAll().where('actor_id', '=', person.id).execute()
  expect(events).toContainEqual(
    expect.objectContaining({
      action: 'session.refused',
      details: { method: 'passkey', reason: 'passkey_counter_decreased', passkey_id: person.passkeyId },
    }),
  )
})

it('a removed passkey signs nobody in, and the password alone is enough again', async () => {
  const person = await makePersonWithPasskey()
  expect((await removeOf(person)).status).toBe(204)
  expect((await post('/login/passkey', await assertion())).status).toBe(401)
  await logIn(scene.service.url, person)
})

it('an app that was begun before the passkey cannot replace the recovery codes that came with it', async () => {
  const person = await makePersonWithPassword(scene.service.app)
  const { access_token: token } = await logIn(scene.service.url, person)
  const begun = await post('/second-factor/totp', undefined, token)
  const created = await scene.device.create((await post('/passkeys/options', {}, token)).body)
  const { recovery_codes: codes } = (await post('/passkeys', created, token)).body as { recovery_codes: string[] }

  const app = new TOTP({ secret: Secret.fromBase32((begun.body as { secret: string }).secret) })
  expect((await post('/second-factor/totp/confirm', { code: app.generate() }, token)).status).toBe(409)

  const { challenge } = await challengeOf(person)
  const code = codes[0]
  expect((await post('/login/second-factor', { challenge, method: 'recovery_code', code })).status).toBe(200)
})

it('options work once, for the person who requested them', async () => {
  const person = await makePersonWithPassword(scene.service.app)
  const other = await makePersonWithPassword(scene.service.app)
  const [own, others] = [await logIn(scene.service.url, person), await logIn(scene.service.url, other)]
  const { body } = await post('/passkeys/options', {}, own.access_token)
  const created = await scene.device.create(body)
  expect((await post('/passkeys', created, others.access_token)).status).toBe(409)
  expect((await post('/passkeys', created, own.access_token)).status).toBe(201)
  expect((await post('/passkeys', created, own.access_token)).status).toBe(409)
})

it('where mail is on, its person gets a notice of a passkey that is added or removed', async () => {
  const { app } = scene.service
  const mailing = await serveAt({ ...app, mailIsOn: true })
  const person = await makePersonWithPassword(app)
  const { access_token: token } = await logIn(mailing.url, person)
  const ask = (line: string, body?: unknown) => call(mailing.url, line, { token, body })
  const created = await scene.device.create((await ask('POST /auth/passkeys/options')).body)
  const { body } = await ask('POST /auth/passkeys', { ...created, name: 'My phone' })
  expect((await ask(`DELETE /auth/passkeys/${(body as { id: string }).id}`, { password })).status).toBe(204)
  await mailing.stop()
  const mails = app.db.selectFrom('document_mails').select(['kind', 'facts']).where('recipient', '=', person.email)
  expect(await mails.orderBy('queued_at').execute()).toMatchObject([
    { kind: 'security_notice', facts: { change: 'passkey_added', name: 'My phone' } },
    { kind: 'security_notice', facts: { change: 'passkey_removed' } },
  ])
})
