import { sql } from 'kysely'

import type { App } from '../../src/app.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { type Reminded, sendReminders } from '../../src/documents/renewal/send-reminders.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import type { TestService } from '../support/service/start-service.ts'

export type FirmScene = { firm: FirmId; admin: Person }

export async function makeFirmScene({ app }: TestService): Promise<FirmScene> {
  const firm = await makeFirm(app)
  return { firm, admin: await makeMember(app, firm) }
}

/** 08:00 in South Africa, some days after a day. */
export function morning(day: string, days = 0): Date {
  return new Date(Date.parse(`${addDays(day, days)}T06:00:00Z`))
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10)
}

type Wish = { type?: string; validUntil: string; seed?: string }

/** A document that a reviewer verified long ago. */
export async function verifiedDocument(
  { url, app }: TestService,
  { firm, admin }: FirmScene,
  reviewer: Person,
  { type = 'bee_certificate', validUntil, seed = '1' }: Wish,
): Promise<string> {
  const { id } = await uploadDocument(url, firm, admin, { type, bytes: makePdf({ seed }) })
  await verify(url, { firm, id }, reviewer, validUntil)
  await sql`update document_versions set reviewed_at = reviewed_at - interval '1 year' where document_id = ${id}`.execute(
    app.db,
  )
  await sql`update firm_documents set verified_at = verified_at - interval '1 year' where id = ${id}`.execute(app.db)
  return id
}

export async function verify(
  url: string,
  of: { firm: FirmId; id: string },
  reviewer: Person,
  validUntil: string,
): Promise<void> {
  const answer = await reviewDocument(url, of, reviewer, { decision: 'verify', valid_until: validUntil, comment: 'ok' })
  if (answer.status !== 200) throw new Error(`not verified: ${answer.status} ${await answer.text()}`)
}

export async function remind(
  { db, mailIsOn, now }: Pick<App, 'db' | 'mailIsOn' | 'now'>,
  asOf: Date,
  more: { isDryRun?: boolean; signal?: AbortSignal } = {},
): Promise<Reminded> {
  const run = { asOf, isDryRun: false, signal: AbortSignal.timeout(60_000), ...more }
  return await sendReminders({ db, mailIsOn, now }, systemActor('a test'), run)
}

/** The days left that each digest to a firm names. */
export function daysOf({ digests }: Reminded, firm: FirmId): number[] | undefined {
  return digests.find(({ firmId }) => firmId === firm)?.documents.map(({ daysLeft }) => daysLeft)
}
