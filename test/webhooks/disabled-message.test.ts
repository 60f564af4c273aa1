import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { claimNext, deliver } from '../../src/webhooks/deliver-webhooks.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { type MailServerForTests, openMailServer, textOf } from '../mail/mail-server.ts'
import { mailSettings, mailsTo } from '../mail/mail-scene.ts'
import { messagesOf } from '../messages/call-messages.ts'
import { later } from '../people/call-people.ts'
import { makeFirm, makePerson, type Person } from '../support/people/people.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { deliverDue, openWebhookScene, postAnywhere, type WebhookScene } from './webhook-scene.ts'

let mailServer: MailServerForTests
let scene: WebhookScene
let receiver: Receiver
let colleague: Person
let firm: FirmId
beforeAll(async () => {
  mailServer = await openMailServer()
  scene = await openWebhookScene({ WEBHOOK_ALLOW_PRIVATE: 'on', ...mailSettings(mailServer) })
  receiver = await startReceiver()
  colleague = await makePerson(scene.service.app, { role: 'admin' })
  firm = await makeFirm(scene.service.app)
})
afterAll(async () => {
  await receiver.close()
  await scene.stop()
  await mailServer.close()
})
afterEach(async () => {
  await sql`
    truncate document_webhooks, document_webhook_deliveries, document_messages, document_mails, document_preferences`.execute(
    scene.service.app.db,
  )
  receiver.answer((response) => void response.writeHead(204).end())
  mailServer.received.splice(0)
})

/** A webhook with an event that was first tried three days ago, and a receiver that still fails. */
async function failForThreeDays(): Promise<string> {
  const { id } = await scene.register({
    url: `${receiver.url}?token=a-secret-of-the-url`,
    events: ['document.expired'],
  })
  receiver.answer((response) => void response.writeHead(503).end())
  await scene.happen(firm, 'document.expired')
  await sql`
    update document_webhook_deliveries set trying_since = trying_since - interval '3 days'`.execute(
    scene.service.app.db,
  )
  return id
}

const soon = () => later(new Date(), 1)

const mailsOf = (person: Person) => mailsTo({ service: scene.service, mailServer }, person)

/** The messages that the service left, also those of a later time. */
async function countMessages(): Promise<number> {
  return (await sql`select from document_messages`.execute(scene.service.app.db)).rows.length
}

it('every administrator of the platform gets one message and one mail, which say why and what to do', async () => {
  const id = await failForThreeDays()
  const outsider = await makePerson(scene.service.app)
  const locked = await makePerson(scene.service.app, { role: 'admin', isLocked: true })
  expect(await deliverDue(scene.service.app, soon())).toEqual(['given_up'])

  for (const person of [scene.administrator, colleague]) {
    await expect.poll(() => messagesOf(scene.service, person)).toHaveLength(1)
    const [message] = await messagesOf(scene.service, person)
    const mails = await mailsOf(person)
    expect([message?.kind, mails.length]).toEqual(['webhook_disabled', 1])
    for (const text of [message?.text ?? '', ...mails.map((mail) => textOf(mail).replaceAll(/\s+/g, ' '))]) {
      expect(text).toContain(`The webhook to “127.0.0.1:${receiver.port}” was disabled`)
      expect(text).toContain('The receiver answered 503.')
      expect(text).toContain(id)
      expect(text).toContain('enable the webhook')
    }
  }
  expect(mailServer.received.map(({ raw }) => raw).join('\n')).not.toContain('a-secret-of-the-url')
  expect(await messagesOf(scene.service, outsider)).toEqual([])
  expect(await mailsOf(locked)).toEqual([])
  expect(await countMessages()).toBe(2)
})

it('a receiver that answers 410 is reported as well', async () => {
  await scene.register({ url: receiver.url, events: ['document.expired'] })
  receiver.answer((response) => void response.writeHead(410).end())
  await scene.happen(firm, 'document.expired')
  expect(await deliverDue(scene.service.app, soon())).toEqual(['given_up'])
  await expect.poll(() => messagesOf(scene.service, colleague)).toHaveLength(1)
  const [message] = await messagesOf(scene.service, colleague)
  expect(message?.text).toContain('it wants no more events')
})

it('a person who chose no mail gets the message alone', async () => {
  await sql`insert into document_preferences values (${colleague.id}, 'off', now())`.execute(scene.service.app.db)
  await failForThreeDays()
  await deliverDue(scene.service.app, soon())
  expect(await mailsOf(colleague)).toEqual([])
  expect(await mailsOf(scene.administrator)).toHaveLength(1)
  expect(await countMessages()).toBe(2)
})

it('a repeat of the last attempt, also by two processes at once, leaves no second message', async () => {
  const id = await failForThreeDays()
  const { db, keys, log, metrics, mailIsOn } = scene.service.app
  const needs = { db, keys, log, metrics, mailIsOn, post: postAnywhere, now: soon }
  const delivery = await claimNext(needs, { isFailing: false })
  if (delivery === undefined) throw new Error('nothing is due')
  await Promise.all([deliver(needs, delivery), deliver(needs, delivery)])
  await deliver(needs, delivery)
  expect(await countMessages()).toBe(2)

  expect((await scene.ask(`POST /webhooks/${id}/test`)).status).toBe(202)
  expect(await deliverDue(scene.service.app, later(new Date(), 60))).toEqual(['failed'])
  expect(await countMessages()).toBe(2)
})

it('the webhook, its event and the messages are one transaction: if a message cannot be left, the webhook stays enabled', async () => {
  const id = await failForThreeDays()
  const { app } = scene.service
  await sql`
    create function reject_messages() returns trigger language plpgsql as $$
    begin raise exception 'no room'; end $$`.execute(app.db)
  await sql`
    create trigger reject_messages before insert on document_messages
    for each row execute function reject_messages()`.execute(app.db)
  await expect(deliverDue(app, soon())).rejects.toThrow('no room')
  const isDisabled = () =>
    app.db
      .selectFrom('document_events')
      .select('id')
      .where('action', '=', 'webhook.disabled')
      .where(sql`details ->> 'webhook_id'`, '=', id)
      .execute()
  expect((await scene.ask('GET /webhooks')).body).toMatchObject([{ id, enabled: true, disabled_reason: null }])
  expect(await isDisabled()).toEqual([])

  await sql`drop trigger reject_messages on document_messages`.execute(app.db)
  await sql`drop function reject_messages`.execute(app.db)
  // When the lease of the attempt is over.
  expect(await deliverDue(app, later(new Date(), 60))).toEqual(['given_up'])
  expect((await scene.ask('GET /webhooks')).body).toMatchObject([{ id, enabled: false, disabled_reason: 'given_up' }])
  expect(await isDisabled()).toHaveLength(1)
  expect(await countMessages()).toBe(2)
})
