import { expect } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { notify } from '../../src/mail/notify.ts'
import { type DailyDigests, sendDailyDigests } from '../../src/mail/send-daily-digests.ts'
import type { MailChoice } from '../../src/vocabulary/vocabulary.ts'
import { type MailServerForTests, openMailServer, type ReceivedMail } from '../mail/mail-server.ts'
import { sendMails } from '../mail/receive-link.ts'
import { call } from '../people/call-people.ts'
import { makeFirm, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

export type MailScene = { service: TestService; mailServer: MailServerForTests; close(): Promise<void> }

export async function openMailScene(): Promise<MailScene> {
  const mailServer = await openMailServer()
  const service = await startService({ SMTP_URL: mailServer.url, PUBLIC_URL: 'https://documents.example' })
  const close = async () => {
    await service.stop()
    await mailServer.close()
  }
  return { service, mailServer, close }
}

export async function choose({ service: { url } }: MailScene, person: Person, mail: MailChoice): Promise<void> {
  const answer = await call(url, 'PUT /auth/me/preferences', { headers: person.headers, body: { mail } })
  expect(answer).toMatchObject({ status: 200, body: { mail } })
}

/** Leaves a message that its person may refuse as a mail. */
export async function leaveMessage({ service: { app } }: MailScene, person: Person, firmName: string): Promise<void> {
  const facts = { firmId: await makeFirm(app), firmName }
  await inTransaction(app.db, (trx) =>
    notify({ mailIsOn: true, now: app.now }, trx, [person.id], { kind: 'application_approved', facts }),
  )
}

/** The mails to a person after all that is due was sent. */
export async function mailsTo({ service, mailServer }: MailScene, person: Person): Promise<ReceivedMail[]> {
  await sendMails(service)
  return mailServer.received.filter(({ to }) => to.includes(person.email))
}

export async function sendDaily({ service: { app } }: MailScene, asOf: Date): Promise<DailyDigests> {
  const run = { asOf, signal: AbortSignal.timeout(30_000) }
  return await sendDailyDigests({ db: app.db, publicUrl: 'https://documents.example' }, run)
}
