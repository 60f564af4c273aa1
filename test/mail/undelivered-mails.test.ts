import { randomUUID } from 'node:crypto'

import { expect, test } from 'vitest'

import type { UndeliveredMailShape } from '../../src/contract/operations.ts'
import { call, newRegistration } from '../people/call-people.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { openMailSceneWithAdministrator, queueReset, sendMails } from './mail-scene.ts'
import { rejection } from './mail-server.ts'

const scene = sceneOfFile(openMailSceneWithAdministrator)

const ask = (line: string, { headers }: Pick<Person, 'headers'> = scene.administrator) =>
  call(scene.service.url, line, { headers })

/** A mail that the server rejects for good. */
async function makeRejected(): Promise<Person> {
  const person = await makePerson(scene.service.app)
  scene.mailServer.faults.onRecipient = rejection('no such mailbox', 550)
  await queueReset(scene.service.app, person.email)
  await sendMails(scene.service)
  scene.mailServer.faults.onRecipient = undefined
  return person
}

async function listMails(query = ''): Promise<UndeliveredMailShape[]> {
  const { status, body } = await ask(`GET /admin/mails${query}`)
  expect(status).toBe(200)
  return body as UndeliveredMailShape[]
}

async function detailsOf(action: string, actor: Person['id']) {
  const rows = await scene.service.app.db
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
  await sendMails(scene.service)

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
  expect(scene.mailServer.received.map(({ to }) => to[0])).toContain(person.email)
  expect((await listMails()).map((each) => each.id)).not.toContain(id)
  expect(await ask(`POST /admin/mails/${id}/retry`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  expect(await detailsOf('mail.retried', scene.administrator.id)).toEqual([
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
  expect((await detailsOf('mails.listed', scene.administrator.id)).at(-1)).toEqual({
    outcome: 'ok',
    details: { mail_ids: listed },
  })
})

test('others than administrators neither read the list nor send a mail again', async () => {
  const somebody = await makePerson(scene.service.app)
  const id = randomUUID()

  expect((await ask('GET /admin/mails', somebody)).status).toBe(403)
  expect((await ask(`POST /admin/mails/${id}/retry`, somebody)).status).toBe(403)
  expect(await detailsOf('mail.retried', somebody.id)).toEqual([{ outcome: 'forbidden', details: { mail_id: id } }])
})

test('an administrator sees whether a person has verified the e-mail', async () => {
  const registration = newRegistration()
  await call(scene.service.url, 'POST /auth/register', { body: registration })
  const verified = await makePerson(scene.service.app)

  expect((await ask(`GET /users?email=${registration.email}`)).body).toMatchObject([{ email_verified: false }])
  expect((await ask(`GET /users?email=${verified.email}`)).body).toMatchObject([{ email_verified: true }])
})
