import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, test } from 'vitest'

import type { UndeliveredMailShape } from '../../src/contract/operations.ts'
import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { deliverMail } from '../../src/mail/deliver-mail.ts'
import { queueMail } from '../../src/mail/notify.ts'
import { createMailSender } from '../../src/mail/smtp.ts'
import { call, newRegistration } from '../people/call-people.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { type MailServerForTests, openMailServer } from './mail-server.ts'

let mailServer: MailServerForTests
let service: TestService
let administrator: Person
beforeAll(async () => {
  mailServer = await openMailServer()
  service = await startService({ SMTP_URL: mailServer.url, PUBLIC_URL: 'https://documents.example' })
  administrator = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => {
  await service.stop()
  await mailServer.close()
})

const ask = (line: string, { headers }: Pick<Person, 'headers'> = administrator) => call(service.url, line, { headers })

async function deliver(): Promise<void> {
  const { mail } = service.app.config
  if (mail === undefined) throw new Error('mail is off')
  const needs = { ...service.app, send: createMailSender(mail), publicUrl: mail.publicUrl }
  await deliverMail({ ...needs, now: () => new Date(Date.now() + 1000) }, AbortSignal.timeout(30_000))
}

/** A mail that the server rejects for good. */
async function makeRejected(): Promise<Person> {
  const person = await makePerson(service.app)
  mailServer.faults.onRecipient = () => Object.assign(new Error('no such mailbox'), { responseCode: 550 })
  const mail = { kind: 'password_reset', to: person.email, facts: {} } as const
  await inTransaction(service.app.db, (trx) => queueMail(trx, mail))
  await deliver()
  mailServer.faults.onRecipient = undefined
  return person
}

async function listMails(query = ''): Promise<UndeliveredMailShape[]> {
  const { status, body } = await ask(`GET /admin/mails${query}`)
  expect(status).toBe(200)
  return body as UndeliveredMailShape[]
}

async function detailsOf(action: string, actor: Person['id']) {
  const rows = await service.app.db
    .selectFrom('document_trail')
    .select(['outcome', 'details'])
    .where('action', '=', action)
    .where('actor_id', '=', actor)
    .orderBy('occurred_at')
    .execute()
  return rows
}

test('an administrator sees a mail that was given up, and sends it again', async () => {
  const person = await makeRejected()
  const mail = (await listMails()).find(({ recipient }) => recipient === person.email)
  const id = mail?.id ?? ''
  const retried = await ask(`POST /admin/mails/${id}/retry`)
  const waiting = (await listMails()).find((each) => each.id === id)
  await deliver()

  expect(mail).toMatchObject({
    kind: 'password_reset',
    state: 'given_up',
    attempts: 1,
    last_error: expect.stringContaining('no such mailbox'),
    last_attempt_at: expect.any(String),
    next_attempt_at: null,
  })
  expect(retried.status).toBe(202)
  expect(waiting).toMatchObject({ state: 'waiting', next_attempt_at: expect.any(String) })
  expect(mailServer.received.map(({ to }) => to[0])).toContain(person.email)
  expect((await listMails()).map((each) => each.id)).not.toContain(id)
  expect(await ask(`POST /admin/mails/${id}/retry`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  expect(await detailsOf('mail.retried', administrator.id)).toEqual([
    { outcome: 'ok', details: { mails: 1, mail_id: id } },
    { outcome: 'not_found', details: { mail_id: id } },
  ])
})

test('the list is in pages, and its event names the mails and no recipient', async () => {
  for (let count = 0; count < 2; count += 1) await makeRejected()
  const found: string[] = []
  for (let next = '/admin/mails?limit=1'; next !== '';) {
    const page = await ask(`GET ${next}`)
    found.push(...(page.body as UndeliveredMailShape[]).map(({ id }) => id))
    next = /^<\/api\/v1([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1] ?? ''
  }
  const listed = (await listMails()).map(({ id }) => id)

  expect(found).toEqual(listed)
  expect(found.length).toBeGreaterThan(1)
  expect((await detailsOf('mails.listed', administrator.id)).at(-1)).toEqual({
    outcome: 'ok',
    details: { mail_ids: listed },
  })
})

test('others than administrators neither read the list nor send a mail again', async () => {
  const somebody = await makePerson(service.app)
  const id = randomUUID()

  expect((await ask('GET /admin/mails', somebody)).status).toBe(403)
  expect((await ask(`POST /admin/mails/${id}/retry`, somebody)).status).toBe(403)
  expect(await detailsOf('mail.retried', somebody.id)).toEqual([{ outcome: 'forbidden', details: { mail_id: id } }])
})

test('an administrator sees whether a person has verified the e-mail', async () => {
  const registration = newRegistration()
  await call(service.url, 'POST /auth/register', { body: registration })
  const verified = await makePerson(service.app)

  expect((await ask(`GET /users?email=${registration.email}`)).body).toMatchObject([{ email_verified: false }])
  expect((await ask(`GET /users?email=${verified.email}`)).body).toMatchObject([{ email_verified: true }])
})
