import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'

import { wellFormed } from '../audit/events.ts'
import type { Db, Tx } from '../connection/client.ts'
import { isSameEmail } from '../people/emails.ts'

export type MailRow = {
  kind: string
  recipient: string
  /** The person to whom it goes, or the invitation that its link is for. Null: the person is found by the e-mail. */
  subjectId: string | null
  facts: Record<string, unknown>
}

/** Inserts a mail that is due at once, and returns its id. */
export async function insertMail(trx: Tx, { kind, recipient, subjectId, facts }: MailRow): Promise<string> {
  const id = randomUUID()
  await trx
    .insertInto('document_mails')
    .values({ id, kind, recipient, subject_id: subjectId, facts: JSON.stringify(facts, wellFormed) })
    .execute()
  return id
}

/** `attempt`: the number of this attempt, which nobody else makes before the lease is over. */
export type ClaimedMail = MailRow & { id: string; queuedAt: Date; attempt: number }

/**
 * Claims the mail that has been due longest, for one attempt: first of those that were never tried, so that mails that fail
 * again and again delay no new one. Until the lease is over no other process claims it; if this one dies, the mail is due
 * again then.
 */
export async function claimDueMail(db: Db, now: Date, leaseSeconds: number): Promise<ClaimedMail | undefined> {
  const { rows } = await sql<ClaimedMail>`
    update document_mails set due_at = ${now}::timestamptz + make_interval(secs => ${leaseSeconds}),
      attempts = attempts + 1, tried_at = ${now}
    where id = (
      select id from document_mails where due_at <= ${now}
      order by attempts > 0, due_at, id limit 1 for update skip locked
    )
    returning id, kind, recipient, subject_id as "subjectId", facts, queued_at as "queuedAt", attempts as attempt`.execute(
    db,
  )
  return rows[0]
}

/** Removes what the mail said. Its messages keep the time. */
export async function recordSent(db: Db, id: string, at: Date): Promise<void> {
  await sql`
    with mailed as (update document_messages set mailed_at = ${at} where mail_id = ${id} and mailed_at is null)
    update document_mails set sent_at = ${at}, due_at = null, given_up_at = null, facts = null, error = null
    where id = ${id}`.execute(db)
}

type Attempt = Pick<ClaimedMail, 'id' | 'attempt'>

/** Records a failed attempt. `dueAt`: the next one; null gives up. Changes nothing if another process claimed the mail. */
export async function recordFailure(
  db: Db,
  { id, attempt }: Attempt,
  { error, dueAt, at }: { error: string; dueAt: Date | null; at: Date },
): Promise<void> {
  await db
    .updateTable('document_mails')
    .set({ error, due_at: dueAt, given_up_at: dueAt === null ? at : null })
    .where('id', '=', id)
    .where('attempts', '=', attempt)
    .where('sent_at', 'is', null)
    .execute()
}

/** For a mail that nobody should get any more. */
export async function deleteMail(db: Db, { id, attempt }: Attempt): Promise<void> {
  await db.deleteFrom('document_mails').where('id', '=', id).where('attempts', '=', attempt).execute()
}

/** How many mails of a kind were sent, or may have been, to this address within the last hour and day. */
export async function countMailsTo(
  db: Db | Tx,
  { recipient, kind }: Pick<MailRow, 'recipient' | 'kind'>,
  now: Date,
): Promise<{ hour: number; day: number }> {
  const { rows } = await sql<{ hour: number; day: number }>`
    select count(*)::int as day,
      (count(*) filter (where queued_at > ${now}::timestamptz - interval '1 hour'))::int as hour
    from document_mails
    where ${isSameEmail(sql.ref('recipient'), recipient)} and kind = ${kind}
      and queued_at > ${now}::timestamptz - interval '1 day' and attempts > 0`.execute(db)
  return rows[0] ?? { hour: 0, day: 0 }
}

/** A system task: deletes mails that were sent or given up. */
export async function removeMailsBefore(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('document_mails').where('queued_at', '<', before).where('due_at', 'is', null).execute()
}
