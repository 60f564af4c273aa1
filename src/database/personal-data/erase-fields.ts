import { type RawBuilder, sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { PersonKeys } from './erase-account.ts'

/** SQL: whether the personal fields of an event are about this person, who need not be its actor. It has an index. */
export function isAbout({ userId, emailDigest, subjects }: { userId: UserId } & PersonKeys): RawBuilder<boolean> {
  const [issuers, ids] = [subjects.map(({ issuer }) => issuer), subjects.map(({ subject }) => subject)]
  const keys = [userId, ...(emailDigest === undefined ? [] : [emailDigest]), ...ids]
  return sql<boolean>`(
    coalesce(fields ->> 'about', fields ->> 'email_sha256', fields ->> 'subject') = any (${keys}::text[])
    and case
      when fields ->> 'about' is not null then fields ->> 'about' = ${userId}
      when fields ->> 'email_sha256' is not null then fields ->> 'email_sha256' = ${emailDigest ?? null}
      else (fields ->> 'issuer', fields ->> 'subject') in (select * from unnest(${issuers}::text[], ${ids}::text[]))
    end)`
}

/**
 * Deletes the personal fields of events that others caused, where the fields are about this person. The events lose the
 * address of their actor too, since one commitment covers all fields of an event.
 */
export async function deleteFieldsAbout(trx: Tx, userId: UserId, keys: PersonKeys): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from document_event_persons where ${isAbout({ userId, ...keys })}`.execute(trx)
  return Number(numAffectedRows ?? 0)
}

/** A batch of the oldest events of one person, or of all events before a time. */
type Batch = { size: number; of: { userId: UserId } | { before: Date } }

/** `isLast`: no more were there when it began. Of two processes that delete the same batch, one deletes nothing. */
type DeletedFields = { deleted: number; isLast: boolean }

/** Deletes one batch of personal fields with their salts. */
export async function deleteFields(db: Db, { size, of }: Batch): Promise<DeletedFields> {
  const isWanted = 'userId' in of ? sql`person_id = ${of.userId}` : sql`occurred_at < ${of.before}`
  const { rows } = await sql<{ found: number; deleted: number }>`
    with batch as materialized (
      select occurred_at, event_id from document_event_persons where ${isWanted} order by occurred_at limit ${size}
    ),
    deleted as (
      delete from document_event_persons p using batch
      where p.occurred_at = batch.occurred_at and p.event_id = batch.event_id returning 1
    )
    select (select count(*)::int from batch) as found, (select count(*)::int from deleted) as deleted`.execute(db)
  const [row = { found: 0, deleted: 0 }] = rows
  return { deleted: row.deleted, isLast: row.found < size }
}

/** Removes addresses and user agents of sessions that are over and were last used before a time. Returns their number. */
export async function eraseEndedSessions(db: Db, now: Date, before: Date): Promise<number> {
  const { numAffectedRows } = await sql`
    update document_sessions set ip = '', user_agent = ''
    where last_used_at < ${before} and (ended_at is not null or expires_at < ${now}) and (ip <> '' or user_agent <> '')`.execute(
    db,
  )
  return Number(numAffectedRows ?? 0)
}
