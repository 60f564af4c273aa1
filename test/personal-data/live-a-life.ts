import { randomUUID } from 'node:crypto'

import { Secret, TOTP } from 'otpauth'
import { sql } from 'kysely'
import { expect } from 'vitest'

import { recordEvent } from '../../src/database/audit/events.ts'
import { linkIdentity, unlinkIdentity } from '../../src/people/accounts/identities.ts'
import type { FirmId, UserId } from '../../src/vocabulary/vocabulary.ts'
import { type MailScene, receiveLink } from '../mail/mail-scene.ts'
import { uploadFile } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import type { TestService } from '../support/service/start-service.ts'
import { callUploads, offsetOf } from '../resumable/call-uploads.ts'
import { call, newFirm, password } from '../people/call-people.ts'

/** A person with everything that the service may know of one. */
export type Life = {
  id: UserId
  email: string
  /** Each names the person, and nothing else in the database. */
  words: string[]
  /** One of them: the subject of a login that was unlinked. Only events have it. */
  former: string
  token: string
  refreshToken: string
  apiKey: string
  /** A firm whose only firm_admin is the person. */
  ownFirm: FirmId
  documentId: string
  administrator: Person
}

let count = 0

/** Lives through registration, verification, a firm, documents, invitations, factors, keys and forgotten passwords. */
export async function liveALife(scene: MailScene): Promise<Life> {
  const { service } = scene
  const { app, url } = service
  count += 1
  const unique = randomUUID().slice(0, 8)
  const names = { first_name: `Nomvula${unique}`, last_name: `Dlamini${unique}` }
  const ip = `203.0.113.${count}`
  const userAgent = `Browser-of-${unique}/7.1`
  const email = `Nomvula.${unique}@People.example`.toLowerCase()
  const phone = `+27 82 ${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
  const keyName = `Laptop of ${unique}`
  const subject = `auth0|${unique}`
  const headers = { 'user-agent': userAgent, 'x-forwarded-for': ip }
  const ask = (line: string, body?: unknown, token?: string) => call(url, line, { body, token, headers })

  await ask('POST /auth/login', { email, password })
  const registered = await ask('POST /auth/register', { email, password, phone, ...names })
  expect(registered.status).toBe(201)
  const { user } = registered.body as { user: { id: UserId } }
  expect((await ask('POST /auth/email/verify', { token: await receiveLink(scene, email) })).status).toBe(204)
  await ask('POST /auth/login', { email, password: 'wrong' })
  const loggedIn = await ask('POST /auth/login', { email, password })
  const { access_token: token, refresh_token: refreshToken } = loggedIn.body as Record<string, string>
  if (token === undefined || refreshToken === undefined) throw new Error('the login failed')

  await ask('POST /auth/login', { email, password: 'wrong again' })

  const firm = await ask('POST /security-firms/register', newFirm(), token)
  expect(firm.status).toBe(201)
  const { id: ownFirm } = firm.body as { id: FirmId }
  const person = { id: user.id, email, headers: { authorization: `Bearer ${token}`, ...headers } }
  const uploaded = await uploadFile(url, ownFirm, person)
  expect(uploaded.status).toBe(201)
  const { id: documentId } = (await uploaded.json()) as { id: string }
  const uploadName = `Contract of ${unique}.pdf`
  await beginUpload(url, ownFirm, person, uploadName)
  const invited = { email: `${randomUUID()}@people.example`, role: 'firm_user' }
  expect((await ask(`POST /security-firms/${ownFirm}/invitations`, invited, token)).status).toBe(201)
  const key = await ask('POST /api-keys', { name: keyName, scopes: ['documents:read'], firm_id: ownFirm }, token)
  expect(key.status).toBe(201)
  const { key: apiKey } = key.body as { key: string }
  expect((await ask(`GET /security-firms/${ownFirm}/documents/${documentId}`, undefined, apiKey)).status).toBe(200)
  await enrolApp(ask, token)
  await addPasskey(service, user.id, `Phone of ${unique}`)

  const otherFirm = await makeFirm(app)
  const otherAdmin = await makeMember(app, otherFirm)
  const asOther = { body: { email: email.toUpperCase(), role: 'firm_user' }, headers: otherAdmin.headers }
  expect((await call(url, `POST /security-firms/${otherFirm}/members`, asOther)).status).toBe(202)
  const administrator = await makePerson(app, { role: 'admin' })
  const actor = {
    userId: administrator.id,
    sessionId: undefined,
    apiKeyId: undefined,
    requestId: 'link',
    ip: 'elsewhere',
  }
  const link = { issuer: 'https://login.example', subject, userId: user.id, password: undefined }
  await linkIdentity(app, { ...actor, userAgent: 'another' }, link)
  const former = `former-${unique}`
  const { id: linked } = await linkIdentity(app, { ...actor, userAgent: 'another' }, { ...link, subject: former })
  await unlinkIdentity(app, { ...actor, userAgent: 'another' }, { id: linked, userId: user.id })
  // A token of the unlinked login, whose person nobody knows any more.
  await recordEvent(
    app.db,
    { ...actor, userId: null, userAgent },
    {
      action: 'identity.refused',
      outcome: 'unauthenticated',
      personal: { issuer: link.issuer, subject: former },
    },
  )
  await ask('POST /auth/password/forgot', { email })
  await receiveLink(scene, email)
  await ask('POST /auth/password/forgot', { email })
  await sql`
    update document_mails set due_at = null, given_up_at = now(), error = ${`550 ${email}`}
    where recipient = ${email} and due_at is not null`.execute(app.db)

  const words = [
    email,
    ...Object.values(names),
    phone,
    ip,
    userAgent,
    keyName,
    `Phone of ${unique}`,
    subject,
    former,
    uploadName,
  ]
  return { id: user.id, email, words, former, token, refreshToken, apiKey, ownFirm, documentId, administrator }
}

/** An upload that never ends. */
async function beginUpload(url: string, firm: FirmId, person: Person, filename: string): Promise<void> {
  const piece = Buffer.from('%PDF-1.7')
  const begun = await callUploads({ url, firm, person }).begin(1000, { fileName: filename, piece })
  expect([begun.status, offsetOf(begun)]).toEqual([201, piece.length])
}

type Ask = (line: string, body?: unknown, token?: string) => ReturnType<typeof call>

async function enrolApp(ask: Ask, token: string): Promise<void> {
  const { body } = await ask('POST /auth/second-factor/totp', {}, token)
  const code = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) }).generate()
  expect((await ask('POST /auth/second-factor/totp/confirm', { code }, token)).status).toBe(200)
}

/** As a browser would have added it. */
async function addPasskey({ app }: TestService, userId: UserId, name: string): Promise<void> {
  await sql`
    insert into document_passkeys (user_id, credential_id, public_key, sign_count, transports, name, created_at)
    values (${userId}, ${randomUUID()}, '\\x00', 0, '{}', ${name}, now())`.execute(app.db)
}
