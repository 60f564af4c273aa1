import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { deliverMail } from '../../src/mail/deliver-mail.ts'
import { queueMail } from '../../src/mail/notify.ts'
import { createMailSender } from '../../src/mail/smtp.ts'
import { makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { type MailServerForTests, openMailServer } from './mail-server.ts'

let server: MailServerForTests
let service: TestService
const clock = { now: new Date() }
beforeEach(async () => {
  server = await openMailServer()
  service = await startService({ SMTP_URL: server.url, PUBLIC_URL: 'https://documents.example' })
  clock.now = new Date(Date.now() + 1000)
})
afterEach(async () => {
  await service.stop()
  await server.close()
})

const later = (minutes: number) => (clock.now = new Date(clock.now.getTime() + minutes * 60_000))

async function deliver() {
  const { app } = service
  const { mail } = app.config
  if (mail === undefined) throw new Error('mail is off')
  const needs = { ...app, now: () => clock.now, send: createMailSender(mail), publicUrl: mail.publicUrl }
  return await deliverMail(needs, AbortSignal.timeout(60_000))
}

/** Queues a mail to a new person of this e-mail, as the platform may have stored it. */
async function queueTo(email: string): Promise<string> {
  const { id } = await makePerson(service.app)
  await service.app.db.updateTable('registered_users').set({ email }).where('id', '=', id).execute()
  return await inTransaction(service.app.db, (trx) => queueMail(trx, { kind: 'password_reset', to: email, facts: {} }))
}

async function mailOf(id: string) {
  return await service.app.db
    .selectFrom('document_mails')
    .select(['attempts', 'due_at', 'given_up_at', 'error'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

const arrived = () => server.received.flatMap(({ to }) => to)
const minutesUntil = (date: Date | null) => Math.round(((date?.getTime() ?? 0) - clock.now.getTime()) / 60_000)

describe('one mail that cannot be sent', () => {
  it.each([
    '<>',
    'a b',
    '<victim@people.example>',
    'victim@people.example (text)',
    'a@people.example, b@people.example',
  ])('since its address is %s is given up, and the others go out in the same run', async (address) => {
    const id = await queueTo(address)
    await queueTo('other@people.example')
    expect(await deliver()).toMatchObject({ sent: 1, given_up: 1, delayed: 0, server_fails: false })
    expect(arrived()).toEqual(['other@people.example'])
    expect(await mailOf(id)).toMatchObject({ due_at: null, error: expect.stringContaining('address') })
  })

  it('since the server rejects its recipient or its text for now waits, and the others go out', async () => {
    const busy = Object.assign(new Error('try later'), { responseCode: 450 })
    server.faults.onRecipient = (address) => (address.startsWith('busy') ? busy : undefined)
    await queueTo('busy@people.example')
    await queueTo('other@people.example')
    expect(await deliver()).toMatchObject({ sent: 1, delayed: 1, server_fails: false })
    expect(arrived()).toEqual(['other@people.example'])
  })

  it('since the connection ends at its recipient waits longer each time, and the others go out', async () => {
    server.faults.endsAt = (address) => address.startsWith('broken')
    const id = await queueTo('broken@people.example')
    const waits: number[] = []
    for (const other of ['first@people.example', 'second@people.example', 'third@people.example']) {
      await queueTo(other)
      expect(await deliver()).toMatchObject({ sent: 1, delayed: 1, server_fails: false })
      waits.push(minutesUntil((await mailOf(id)).due_at))
      later(waits.at(-1) ?? 0)
    }
    expect(waits).toEqual([2, 4, 8])
    expect(arrived()).toEqual(['first@people.example', 'second@people.example', 'third@people.example'])

    later(3 * 24 * 60)
    expect(await deliver()).toMatchObject({ given_up: 1, server_fails: false })
    expect((await mailOf(id)).given_up_at).not.toBeNull()
  })

  it('since this version does not know its kind waits, and the others go out', async () => {
    const id = await queueTo('newer@people.example')
    await service.app.db
      .updateTable('document_mails')
      .set({ kind: 'of_a_newer_version' })
      .where('id', '=', id)
      .execute()
    await queueTo('other@people.example')
    expect(await deliver()).toMatchObject({ sent: 1, delayed: 1, server_fails: false })
    expect((await mailOf(id)).error).toContain('of_a_newer_version')
  })
})

it('mails that failed before delay none that was not tried yet', async () => {
  server.faults.endsAt = (address) => address.startsWith('broken')
  for (let n = 0; n < 5; n += 1) await queueTo(`broken${n}@people.example`)
  for (let run = 0; run < 5; run += 1) await deliver()
  later(60)
  await queueTo('other@people.example')
  await service.app.db.updateTable('document_mails').set({ due_at: clock.now }).where('attempts', '=', 0).execute()
  await deliver()
  expect(arrived()).toEqual(['other@people.example'])
})

it('a server that ends every connection at the recipient gets a few mails a run, and the others soon after it is back', async () => {
  server.faults.endsAt = () => true
  for (let n = 0; n < 6; n += 1) await queueTo(`person${n}@people.example`)
  expect(await deliver()).toMatchObject({ sent: 0, delayed: 3, server_fails: true })
  server.faults.endsAt = undefined
  expect(await deliver()).toMatchObject({ sent: 3, server_fails: false })
  later(2)
  expect(await deliver()).toMatchObject({ sent: 3 })
})
