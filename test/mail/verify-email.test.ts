import { randomUUID } from 'node:crypto'

import { expect, onTestFinished, test } from 'vitest'

import type { FirmId, UserId } from '../../src/vocabulary/vocabulary.ts'
import { call, newRegistration, type TokensBody } from '../people/call-people.ts'
import { uploadFile } from '../support/documents/call-documents.ts'
import { addMember, makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { mailSettings, openMailScene, receiveLink } from './mail-scene.ts'

const scene = sceneOfFile(openMailScene)

/** Registers a person, and makes them a member of a firm. */
async function register({ url, app }: TestService) {
  const { body } = await call(url, 'POST /auth/register', { body: newRegistration() })
  // as the contract says
  const { access_token: token, user } = body as TokensBody & { user: { id: UserId; email: string } }
  const person = { ...user, headers: { authorization: `Bearer ${token}` } }
  const firmId = await makeFirm(app)
  await addMember(app, firmId, person)
  return { ...person, token, firmId }
}

async function upload({ url }: TestService, firmId: FirmId, person: Person) {
  const response = await uploadFile(url, firmId, person)
  return { status: response.status, body: await response.json() }
}

const verify = (token: string) => call(scene.service.url, 'POST /auth/email/verify', { body: { token } })

test('a new account uploads once its e-mail is verified, in the session that it has', async () => {
  const person = await register(scene.service)
  const denied = await upload(scene.service, person.firmId, person)
  const token = await receiveLink(scene, person.email)

  const verified = [await verify(token), await verify(token)]
  const allowed = await upload(scene.service, person.firmId, person)

  expect(denied).toMatchObject({ status: 403, body: { code: 'email_unverified' } })
  expect(verified.map(({ status }) => status)).toEqual([204, 204])
  expect(allowed.status).toBe(201)
  const events = await scene.service.app.db
    .selectFrom('document_events')
    .select(['action', 'outcome'])
    .where('actor_id', '=', person.id)
    .where('action', 'in', ['email.verified', 'document.uploaded'])
    .execute()
  expect(events.map(({ action, outcome }) => `${action} ${outcome}`).toSorted()).toEqual([
    'document.uploaded email_unverified',
    'document.uploaded ok',
    'email.verified ok',
  ])
})

test('a client sees whether the e-mail is verified', async () => {
  const { token, email } = await register(scene.service)
  const self = async () => (await call(scene.service.url, 'GET /auth/me', { token })).body
  expect(await self()).toMatchObject({ is_verified: true, email_verified: false })

  await verify(await receiveLink(scene, email))

  expect(await self()).toMatchObject({ email_verified: true })
})

test('a link that is unknown, or older than a day, verifies nothing', async () => {
  const person = await register(scene.service)
  const token = await receiveLink(scene, person.email)
  await scene.service.app.db.updateTable('document_link_tokens').set({ expires_at: new Date() }).execute()

  for (const wrong of [token, 'x'.repeat(43)])
    expect(await verify(wrong)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await upload(scene.service, person.firmId, person)).status).toBe(403)
})

test('a person can ask for another link, and gets none once verified', async () => {
  const person = await register(scene.service)
  const first = await receiveLink(scene, person.email)
  const again = () => call(scene.service.url, 'POST /auth/email/verification', { token: person.token })

  const asked = await again()
  const second = await receiveLink(scene, person.email)
  await verify(second)
  const askedLater = await again()

  expect([asked.status, askedLater.status]).toEqual([202, 202])
  expect(second).not.toBe(first)
  const mails = scene.service.app.db.selectFrom('document_mails').select('id').where('recipient', '=', person.email)
  expect(await mails.execute()).toHaveLength(2)
})

/** What lets a person in without the password; whether each is allowed now. */
async function waysIn({ url }: TestService, token: string, firmId: FirmId) {
  const key = { name: 'a key', scopes: ['documents:read'], firm_id: firmId }
  const answers = [
    await call(url, 'POST /auth/second-factor/totp', { token }),
    await call(url, 'POST /auth/passkeys/options', { token }),
    await call(url, 'POST /api-keys', { token, body: key }),
  ]
  return answers.map(({ status, body }) => (status < 300 ? 'ok' : (body as { code: string }).code))
}

test('nobody adds an app, a passkey or an API key before the e-mail is verified', async () => {
  const person = await register(scene.service)
  await scene.service.app.db
    .updateTable('firm_users')
    .set({ role: 'firm_admin' })
    .where('user_id', '=', person.id)
    .execute()
  const unverified = await waysIn(scene.service, person.token, person.firmId)
  await verify(await receiveLink(scene, person.email))

  expect(unverified).toEqual(['email_unverified', 'email_unverified', 'email_unverified'])
  expect(await waysIn(scene.service, person.token, person.firmId)).toEqual(['ok', 'ok', 'ok'])
})

/** Both ways to invite a stranger; whether each is allowed now. */
async function invitations({ url }: TestService, token: string, firmId: FirmId) {
  const body = { email: 'stranger@people.example', role: 'firm_user' }
  const answers = [
    await call(url, `POST /security-firms/${firmId}/invitations`, { token, body }),
    await call(url, `POST /security-firms/${firmId}/members`, { token, body }),
  ]
  return answers.map(({ status, body: answer }) => (status < 300 ? 'ok' : (answer as { code: string }).code))
}

async function registerFirm({ url }: TestService, token: string): Promise<FirmId> {
  const firm = {
    name: 'Blue Crane Security',
    registration_number: randomUUID(),
    email: `${randomUUID()}@firms.example`,
    phone: '+27 82 555 0101',
    address: '12 Long Street',
    province: 'Western Cape',
  }
  const { status, body } = await call(url, 'POST /security-firms/register', { token, body: firm })
  expect(status).toBe(201)
  return (body as { id: FirmId }).id
}

test('nobody has a stranger mailed by a firm of their own before the e-mail is verified', async () => {
  const person = await register(scene.service)
  const firmId = await registerFirm(scene.service, person.token)
  expect(await invitations(scene.service, person.token, firmId)).toEqual(['email_unverified', 'email_unverified'])
  const mails = scene.service.app.db.selectFrom('document_mails').select('id').where('kind', '=', 'invitation')
  expect(await mails.execute()).toEqual([])

  await verify(await receiveLink(scene, person.email))
  expect(await invitations(scene.service, person.token, firmId)).toEqual(['ok', 'ok'])
})

test('without a mail server everybody may invite', async () => {
  const withoutMail = await startService()
  onTestFinished(() => withoutMail.stop())
  const { token } = await register(withoutMail)
  expect(await invitations(withoutMail, token, await registerFirm(withoutMail, token))).toEqual(['ok', 'ok'])
})

test('who must set up a second factor can ask for another link first', async () => {
  const { mailServer } = scene
  const strict = await startService({ ...mailSettings(scene.mailServer), SECOND_FACTOR: 'everyone' })
  onTestFinished(() => strict.stop())
  const { token, email } = await register(strict)
  const begin = () => call(strict.url, 'POST /auth/second-factor/totp', { token })
  expect(await begin()).toMatchObject({ status: 403, body: { code: 'email_unverified' } })

  await strict.app.db.deleteFrom('document_mails').execute()
  expect((await call(strict.url, 'POST /auth/email/verification', { token })).status).toBe(202)
  const link = await receiveLink({ service: strict, mailServer }, email)
  await call(strict.url, 'POST /auth/email/verify', { body: { token: link } })
  expect((await begin()).status).toBe(201)
})

test('accounts from before mail was on count as verified', async () => {
  const firmId = await makeFirm(scene.service.app)
  const member = await makeMember(scene.service.app, firmId)

  expect((await upload(scene.service, firmId, member)).status).toBe(201)
})

test('without a mail server nothing is queued, and everybody counts as verified', async () => {
  const person = await register(scene.service)
  const withoutMail = await startService()
  onTestFinished(() => withoutMail.stop())
  const other = await register(withoutMail)
  // As if mail had been on when they registered.
  await withoutMail.app.db.insertInto('document_unverified_emails').values({ user_id: other.id }).execute()

  expect((await upload(withoutMail, other.firmId, other)).status).toBe(201)
  expect(await withoutMail.app.db.selectFrom('document_mails').select('id').execute()).toEqual([])
  expect((await upload(scene.service, person.firmId, person)).status).toBe(403)
})
