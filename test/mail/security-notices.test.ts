import { Secret, TOTP } from 'otpauth'
import { describe, expect, it, onTestFinished } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { setPassword } from '../../src/people/accounts/create-account.ts'
import { call, logIn, makePersonWithPassword, newRegistration, password } from '../people/call-people.ts'
import { addMember, makeFirm, makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { htmlOf, textOf } from './mail-server.ts'
import { mailsTo, openMailScene, receiveLink } from './mail-scene.ts'

const scene = sceneOfFile(openMailScene)

/** The first sentence of each notice to this address, in the order of their arrival. */
async function noticesTo(email: string): Promise<string[]> {
  const mails = await mailsTo(scene, { email })
  return mails
    .filter(({ raw }) => raw.includes('security change'))
    .map(
      (mail) =>
        textOf(mail)
          .split(/\r?\n\r?\n/)[1]
          ?.replaceAll(/\s+/g, ' ')
          .split('. ')[0] ?? '',
    )
}

async function signIn() {
  const person = await makePersonWithPassword(scene.service.app)
  const firmId = await makeFirm(scene.service.app)
  await addMember(scene.service.app, firmId, person, { role: 'firm_admin' })
  const { access_token: token } = await logIn(scene.service.url, person)
  const ask = (line: string, body?: unknown) => call(scene.service.url, line, { token, body })
  const makeKey = (name = 'Payroll') => ask('POST /api-keys', { name, scopes: ['documents:read'], firm_id: firmId })
  return { ...person, firmId, token, ask, makeKey }
}

async function enrolApp(ask: (line: string, body?: unknown) => ReturnType<typeof call>) {
  const { body } = await ask('POST /auth/second-factor/totp')
  const app = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) })
  const confirmed = await ask('POST /auth/second-factor/totp/confirm', { code: app.generate() })
  expect(confirmed.status).toBe(200)
  return (confirmed.body as { recovery_codes: string[] }).recovery_codes
}

describe('the person gets a notice', () => {
  it('of an API key, with its name and without the key', async () => {
    const { email, makeKey } = await signIn()
    const { key } = (await makeKey('Pay at https://evil.example/now')).body as { key: string }
    expect(await noticesTo(email)).toEqual(['An API key was made that acts in your name'])
    const mail = scene.mailServer.received.at(-1)
    const words = textOf(mail) + htmlOf(mail)
    expect(words).toContain('Pay at')
    expect(words).not.toContain('evil.example')
    expect(mail?.raw).not.toContain(key.slice(12))
    expect(words).not.toContain('#token')
  })

  it('of a changed password, of an app that was set up and removed, and of a recovery code', async () => {
    const { email, ask } = await signIn()
    const [code] = await enrolApp(ask)
    const { body } = await call(scene.service.url, 'POST /auth/login', { body: { email, password } })
    const { challenge } = body as { challenge: string }
    const proof = { challenge, method: 'recovery_code', code }
    expect((await call(scene.service.url, 'POST /auth/login/second-factor', { body: proof })).status).toBe(200)
    await ask('DELETE /auth/second-factor/totp', { password })
    await ask('PUT /auth/password', { current_password: password, new_password: 'seven brown umbrellas' })
    expect(await noticesTo(email)).toEqual([
      'An authenticator app was set up for your account',
      'One of your recovery codes was used to log in',
      'The authenticator app of your account was removed',
      'The password of your account was changed',
    ])
  })

  it('of a password that an operator set, and of factors that an administrator removed', async () => {
    const { id, email } = await signIn()
    const change = { email, password: 'seven brown umbrellas' }
    await setPassword(scene.service.app, systemActor('a test'), change)
    const administrator = await makePerson(scene.service.app, { role: 'admin' })
    await call(scene.service.url, `DELETE /users/${id}/second-factor`, { headers: administrator.headers })
    expect(await noticesTo(email)).toEqual([
      'An operator set a new password for your account',
      'An administrator removed all second factors of your account: authenticator app, passkeys and recovery codes',
    ])
  })
})

async function reset(email: string, more: object = {}): Promise<void> {
  await call(scene.service.url, 'POST /auth/password/forgot', { body: { email } })
  const token = await receiveLink(scene, email)
  const body = { token, new_password: 'seven brown umbrellas', ...more }
  expect((await call(scene.service.url, 'POST /auth/password/reset', { body })).status).toBe(204)
}

describe('a reset of the password by a link', () => {
  it('revokes the API keys that the person made, and says so; second factors stay', async () => {
    const { email, firmId, ask, makeKey } = await signIn()
    await enrolApp(ask)
    const { key } = (await makeKey()).body as { key: string }
    const read = async () =>
      (await call(scene.service.url, `GET /security-firms/${firmId}/documents`, { token: key })).status
    expect(await read()).toBe(200)
    await reset(email)
    expect(await read()).toBe(401)
    expect(await noticesTo(email)).toContain('The password of your account was reset with a link from a mail')
    expect(textOf(scene.mailServer.received.at(-1))).toMatch(/were\s+revoked: 1/)
    const login = { body: { email, password: 'seven brown umbrellas' } }
    expect((await call(scene.service.url, 'POST /auth/login', login)).body).toMatchObject({
      second_factor_required: true,
    })
  })

  it('keeps the keys of a person who asks for it', async () => {
    const { email, firmId, makeKey } = await signIn()
    const { key } = (await makeKey()).body as { key: string }
    await reset(email, { keep_api_keys: true })
    expect((await call(scene.service.url, `GET /security-firms/${firmId}/documents`, { token: key })).status).toBe(200)
  })

  it('leaves nothing of somebody who registered with the address before its person proved that it is theirs', async () => {
    const { id, email, firmId, token, ask, makeKey } = await signIn()
    await enrolApp(ask)
    const { key } = (await makeKey()).body as { key: string }
    await scene.service.app.db.insertInto('document_unverified_emails').values({ user_id: id }).execute()
    await reset(email, { keep_api_keys: true })
    expect((await ask('GET /auth/me')).status).toBe(401)
    for (const old of [token, key])
      expect((await call(scene.service.url, `GET /security-firms/${firmId}/documents`, { token: old })).status).toBe(
        401,
      )
    const login = { body: { email, password: 'seven brown umbrellas' } }
    expect((await call(scene.service.url, 'POST /auth/login', login)).body).toHaveProperty('access_token')
  })
})

it('an address that nobody verified gets no notices: it may be of somebody else', async () => {
  const registration = newRegistration()
  const { body } = await call(scene.service.url, 'POST /auth/register', { body: registration })
  const { access_token: token } = body as { access_token: string }
  const change = { current_password: password, new_password: 'seven brown umbrellas' }
  expect((await call(scene.service.url, 'PUT /auth/password', { token, body: change })).status).toBe(204)
  expect(await noticesTo(registration.email)).toEqual([])
})

it('without a mail server no notice is queued', async () => {
  const withoutMail = await startService()
  onTestFinished(() => withoutMail.stop())
  const person = await makePersonWithPassword(withoutMail.app)
  const { access_token: token } = await logIn(withoutMail.url, person)
  const change = { current_password: password, new_password: 'seven brown umbrellas' }
  expect((await call(withoutMail.url, 'PUT /auth/password', { token, body: change })).status).toBe(204)
  expect(await withoutMail.app.db.selectFrom('document_mails').select('id').execute()).toEqual([])
})
