import { sql } from 'kysely'

import type { MailChoice, UserId } from '../../vocabulary/vocabulary.ts'
import { wellFormed } from '../audit/events.ts'
import type { Db, Tx } from '../connection/client.ts'
import { personOf } from '../people/accounts.ts'

/** People with messages that wait for their daily mail and were visible at this time, in the order of their ids. */
export async function listPeopleWhoWait(
  db: Db,
  { visibleAt, after, limit }: { visibleAt: Date; after: UserId | null; limit: number },
): Promise<UserId[]> {
  const { rows } = await sql<{ id: UserId }>`
    select distinct user_id as id from document_messages
    where waits_for_daily_mail and visible_at <= ${visibleAt}
      and ${after === null ? sql`true` : sql`user_id > ${after}`}
    order by user_id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

export type WaitingMessage = { id: string; kind: string; facts: Record<string, unknown> }

/** Locks the oldest of these messages until the transaction ends. Another process that took them leaves none. */
export async function lockWaiting(
  trx: Tx,
  userId: UserId,
  { visibleAt, limit }: { visibleAt: Date; limit: number },
): Promise<WaitingMessage[]> {
  const { rows } = await sql<WaitingMessage>`
    select id, kind, facts from document_messages
    where user_id = ${userId} and waits_for_daily_mail and visible_at <= ${visibleAt}
    order by created_at, id limit ${limit} for update`.execute(trx)
  return rows
}

export type DailyRecipient = { email: string; isShutOut: boolean; mail: MailChoice }

/** Undefined for an unknown person. */
export async function findDailyRecipient(trx: Tx, userId: UserId): Promise<DailyRecipient | undefined> {
  const { rows } = await sql<DailyRecipient>`
    select person.email, person."isShutOut", coalesce(chosen.mail, 'at_once') as mail
    from ${personOf({ userId, sessionId: undefined, apiKeyId: undefined })} as person
    left join document_preferences chosen on chosen.user_id = person.id
    where person.id is not null`.execute(trx)
  return rows[0]
}

/** Queues the mail and makes it that of the messages. False, and nothing changes, if there is a mail with this id. */
export async function insertDailyMail(
  trx: Tx,
  {
    id,
    userId,
    recipient,
    kind,
    facts,
  }: { id: string; userId: UserId; recipient: string; kind: string; facts: object },
  messageIds: string[],
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into document_mails (id, kind, recipient, subject_id, facts)
    values (${id}, ${kind}, ${recipient}, ${userId}, ${JSON.stringify(facts, wellFormed)})
    on conflict (id) do nothing`.execute(trx)
  if (numAffectedRows !== 1n) return false
  await sql`
    update document_messages set mail_id = ${id}::uuid, waits_for_daily_mail = false
    where id = any (${messageIds}::uuid[])`.execute(trx)
  return true
}

/** The messages stay, and no mail will have them. */
export async function endWaiting(trx: Tx, messageIds: string[]): Promise<void> {
  await sql`
    update document_messages set waits_for_daily_mail = false where id = any (${messageIds}::uuid[])`.execute(trx)
}
