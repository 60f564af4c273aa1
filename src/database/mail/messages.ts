import { sql } from 'kysely'

import type { FirmId, MailChoice, UserId } from '../../vocabulary/vocabulary.ts'
import { wellFormed } from '../audit/events.ts'
import type { Db, Tx } from '../connection/client.ts'
import { isSameEmail } from '../people/emails.ts'
import { isEmailUnverified } from '../people/unverified-emails.ts'

export type NewMessage = {
  /** Also of its mail: a repeat with the same id inserts nothing. */
  id: string
  userId: UserId
  kind: string
  facts: Record<string, unknown>
  firmId: FirmId | null
  /** What it is about, to withdraw or replace it. */
  aboutId: string | null
}

/** What becomes of the mail of a message. `daily`: it waits for the mail of the day. */
export type MailDelivery = 'at_once' | 'daily' | 'none'

type Sending = {
  createdAt: Date
  delaySeconds: number
  /** By the choice of each person. */
  delivery: Record<MailChoice, MailDelivery>
}

/**
 * Inserts messages and, as their people chose, mails with the same ids. An e-mail that was never verified gets no mail: it may
 * be somebody else's. Of an unknown person nothing is inserted.
 */
export async function insertMessages(
  trx: Tx,
  messages: NewMessage[],
  { createdAt, delaySeconds, delivery }: Sending,
): Promise<void> {
  if (messages.length === 0) return
  const due = sql`make_interval(secs => ${delaySeconds})`
  await sql`
    with new_message as materialized (
      select new.*, coalesce(r.email, personnel.email) as email,
        case when coalesce(r.email, personnel.email, '') <> '' and not ${isEmailUnverified(sql`new."userId"`)}
          then ${JSON.stringify(delivery)}::jsonb ->> coalesce(chosen.mail, 'at_once') else 'none' end as delivery
      from jsonb_to_recordset(${JSON.stringify(messages, wellFormed)}::jsonb)
        as new (id uuid, "userId" uuid, kind text, facts jsonb, "firmId" uuid, "aboutId" uuid)
      left join registered_users r on r.id = new."userId"
      left join lateral document_personnel(new."userId") personnel on r.id is null
      left join document_preferences chosen on chosen.user_id = new."userId"
      where r.id is not null or personnel.id is not null
    ),
    message as (
      insert into document_messages (id, user_id, kind, facts, firm_id, about_id, created_at, visible_at, mail_id,
        waits_for_daily_mail)
      select id, "userId", kind, facts, "firmId", "aboutId", ${createdAt}::timestamptz, ${createdAt}::timestamptz + ${due},
        case when delivery = 'at_once' then id end, delivery = 'daily'
      from new_message
      on conflict (id) do nothing returning id
    )
    insert into document_mails (id, kind, recipient, subject_id, facts, due_at)
    select id, kind, email, "userId", facts, now() + ${due}
    from new_message join message using (id) where delivery = 'at_once'
    on conflict (id) do nothing`.execute(trx)
}

/** Leaves the message of a mail whose person was looked up when it was sent. A repeat changes nothing. */
export async function insertMessageOfMail(
  db: Db,
  userId: UserId,
  { mail, createdAt }: { mail: { id: string; kind: string; facts: object }; createdAt: Date },
): Promise<void> {
  await sql`
    insert into document_messages (id, user_id, kind, facts, created_at, visible_at, mail_id)
    values (${mail.id}, ${userId}, ${mail.kind}, ${JSON.stringify(mail.facts, wellFormed)}::jsonb, ${createdAt}, ${createdAt}, ${mail.id})
    on conflict (id) do nothing`.execute(db)
}

/**
 * Leaves a message to the account with this e-mail, if there is one that verified it. It replaces an earlier one about the
 * same thing.
 */
export async function replaceMessageByEmail(
  trx: Tx,
  email: string,
  message: { kind: string; facts: object; firmId: FirmId; aboutId: string; mailId: string | null; createdAt: Date },
): Promise<void> {
  const { kind, facts, firmId, aboutId, mailId, createdAt } = message
  await sql`delete from document_messages where about_id = ${aboutId}::uuid and kind = ${kind}`.execute(trx)
  await sql`
    insert into document_messages (id, user_id, kind, facts, firm_id, about_id, created_at, visible_at, mail_id)
    select gen_random_uuid(), person.id, ${kind}, ${JSON.stringify(facts, wellFormed)}::jsonb, ${firmId}, ${aboutId}::uuid, ${createdAt},
      ${createdAt}, ${mailId}::uuid
    from (
      -- The account that a login with this e-mail finds.
      select id from registered_users where ${isSameEmail(sql.ref('email'), email)}
      order by (email = ${email}) desc, created_at limit 1
    ) as person
    where not ${isEmailUnverified(sql`person.id`)}`.execute(trx)
}

/**
 * Deletes the messages about something that nobody can have seen yet, with their mails. A mail that may be on its way stays,
 * with its message. Returns whether earlier messages about it are left.
 */
export async function withdrawMessages(
  trx: Tx,
  { aboutId, kinds, now }: { aboutId: string; kinds: readonly string[]; now: Date },
): Promise<boolean> {
  const isHidden = sql`m.about_id = ${aboutId}::uuid and m.kind = any (${[...kinds]}::text[]) and m.visible_at > ${now}`
  await sql`
    delete from document_mails where attempts = 0 and id in (
      select m.mail_id from document_messages m where ${isHidden})`.execute(trx)
  // A statement of its own, which sees the mails that are left.
  await sql`
    delete from document_messages m where ${isHidden}
      and not exists (select from document_mails mail where mail.id = m.mail_id)`.execute(trx)
  const { rows } = await sql`
    select from document_messages where about_id = ${aboutId}::uuid and kind = any (${[...kinds]}::text[]) limit 1`.execute(
    trx,
  )
  return rows.length > 0
}

export type MessageRecord = {
  id: string
  kind: string
  facts: Record<string, unknown>
  /** What it is about: null where it is about none, or about several. */
  firmId: string | null
  documentId: string | null
  applicationId: string | null
  createdAt: Date
  readAt: Date | null
  mailedAt: Date | null
  /** The creation time to the microsecond, for paging. */
  createdAtExact: string
}

export type MessagePage = { limit: number; after: { at: string; id: string } | undefined }

/** The messages to a person, newest first. */
export async function listMessages(
  db: Db,
  userId: UserId,
  { now, isUnread, page: { limit, after } }: { now: Date; isUnread: boolean; page: MessagePage },
): Promise<MessageRecord[]> {
  const { rows } = await sql<MessageRecord>`
    select id, kind, facts, firm_id as "firmId", facts ->> 'documentId' as "documentId",
      case when kind like 'application\\_%' then about_id end as "applicationId", created_at as "createdAt", read_at as "readAt", mailed_at as "mailedAt",
      created_at::text as "createdAtExact"
    from document_messages
    where user_id = ${userId} and visible_at <= ${now}
      ${isUnread ? sql`and read_at is null` : sql``}
      ${after === undefined ? sql`` : sql`and (created_at, id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by created_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/** False if the person has no such message. The first reading counts. */
export async function markAsRead(
  db: Db | Tx,
  userId: UserId,
  { id, now }: { id: string; now: Date },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_messages set read_at = coalesce(read_at, ${now})
    where id = ${id} and user_id = ${userId} and visible_at <= ${now}`.execute(db)
  return numAffectedRows === 1n
}

/** A system task. */
export async function removeMessagesBefore(db: Db, before: Date): Promise<void> {
  await sql`delete from document_messages where created_at < ${before}`.execute(db)
}
