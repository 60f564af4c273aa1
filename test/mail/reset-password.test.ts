import { expect, onTestFinished, test } from 'vitest'

import { call, logIn, makePersonWithPassword, password, statusesOf } from '../people/call-people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { openMailScene, receiveLink, sendMails } from './mail-scene.ts'

const scene = sceneOfFile(openMailScene)

const newPassword = 'seven brown umbrellas'
const forgot = (email: string) => call(scene.service.url, 'POST /auth/password/forgot', { body: { email } })
const reset = (token: string, to = newPassword) =>
  call(scene.service.url, 'POST /auth/password/reset', { body: { token, new_password: to } })
const logInWith = (email: string, used: string) =>
  call(scene.service.url, 'POST /auth/login', { body: { email, password: used } })

async function askForLink(email: string): Promise<string> {
  await forgot(email)
  return await receiveLink(scene, email)
}

test('the link sets a new password once, and ends every session', async () => {
  const person = await makePersonWithPassword(scene.service.app)
  const { access_token: token } = await logIn(scene.service.url, person)
  const link = await askForLink(person.email)

  const weak = await reset(link, 'short')
  const answers = await Promise.all([reset(link), reset(link)])

  expect(weak).toMatchObject({ status: 422, body: { errors: [{ field: 'new_password' }] } })
  expect(statusesOf(answers)).toEqual([204, 403])
  expect((await call(scene.service.url, 'GET /auth/me', { token })).status).toBe(401)
  expect((await logInWith(person.email, password)).status).toBe(401)
  expect((await logInWith(person.email, newPassword)).status).toBe(200)
  const events = await scene.service.app.db
    .selectFrom('document_events')
    .select('outcome')
    .where('actor_id', '=', person.id)
    .where('action', '=', 'account.password_reset')
    .execute()
  // The denied one has no person, if it comes after the other.
  expect(events.filter(({ outcome }) => outcome === 'ok')).toHaveLength(1)
})

test('every e-mail gets the same answer, and only accounts that are not locked get a mail', async () => {
  const locked = await makePersonWithPassword(scene.service.app, { is_locked: true })
  await sendMails(scene.service)
  const arrived = scene.mailServer.received.length

  const answers = [await forgot(locked.email), await forgot('nobody@people.example')]
  await sendMails(scene.service)

  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [202, null],
    [202, null],
  ])
  expect(scene.mailServer.received).toHaveLength(arrived)
})

test('a person who was locked after the mail stays locked out, with the old password', async () => {
  const person = await makePersonWithPassword(scene.service.app)
  const link = await askForLink(person.email)
  const set = (isLocked: boolean) =>
    scene.service.app.db
      .updateTable('registered_users')
      .set({ is_locked: isLocked })
      .where('id', '=', person.id)
      .execute()
  await set(true)

  expect(await reset(link)).toMatchObject({ status: 403, body: { code: 'forbidden' } })

  await set(false)
  expect((await logInWith(person.email, password)).status).toBe(200)
})

test('a link ends after an hour, and with another change of the password or the e-mail', async () => {
  const people = [
    await makePersonWithPassword(scene.service.app),
    await makePersonWithPassword(scene.service.app),
    await makePersonWithPassword(scene.service.app),
  ] as const
  const links = [
    await askForLink(people[0].email),
    await askForLink(people[1].email),
    await askForLink(people[2].email),
  ]
  const { db } = scene.service.app
  const hour = db
    .selectFrom('document_link_tokens')
    .select(['created_at', 'expires_at'])
    .where('subject_id', '=', people[0].id)
  const { created_at: from, expires_at: until } = await hour.executeTakeFirstOrThrow()
  await db
    .updateTable('document_link_tokens')
    .set({ expires_at: new Date() })
    .where('subject_id', '=', people[0].id)
    .execute()
  await db.updateTable('registered_users').set({ password_hash: 'another' }).where('id', '=', people[1].id).execute()
  await db
    .updateTable('registered_users')
    .set({ email: `new-${people[2].email}` })
    .where('id', '=', people[2].id)
    .execute()

  expect(until.getTime() - from.getTime()).toBe(60 * 60 * 1000)
  for (const link of [...links, 'x'.repeat(43)]) expect((await reset(link)).status).toBe(403)
})

test('without a mail server the answer is the same, and nothing is queued', async () => {
  const withoutMail = await startService()
  onTestFinished(() => withoutMail.stop())
  const { email } = await makePersonWithPassword(withoutMail.app)

  expect((await call(withoutMail.url, 'POST /auth/password/forgot', { body: { email } })).status).toBe(202)
  expect(await withoutMail.app.db.selectFrom('document_mails').select('id').execute()).toEqual([])
})
