import { expect } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { notify } from '../../src/mail/notify.ts'
import { type DailyDigests, sendDailyDigests } from '../../src/mail/send-daily-digests.ts'
import type { MailChoice } from '../../src/vocabulary/vocabulary.ts'
import type { MailScene } from '../mail/mail-scene.ts'
import { call } from '../people/call-people.ts'
import { makeFirm, type Person } from '../support/people/people.ts'

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

export async function sendDaily({ service: { app } }: MailScene, asOf: Date): Promise<DailyDigests> {
  const run = { asOf, signal: AbortSignal.timeout(30_000) }
  return await sendDailyDigests({ db: app.db, publicUrl: 'https://documents.example' }, run)
}
