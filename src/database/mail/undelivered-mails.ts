import { sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

/** A mail that was not sent. `error`: of the last attempt, without any secret. */
export type UndeliveredMail = {
  id: string
  kind: string
  recipient: string
  state: 'waiting' | 'given_up'
  attempts: number
  queuedAt: Date
  triedAt: Date | null
  /** The next attempt. Null: given up. */
  dueAt: Date | null
  error: string | null
}

export type UndeliveredRecord = UndeliveredMail & {
  /** The same time to the microsecond, for paging. */
  queuedAtExact: string
}

/** Mails that wait or were given up, newest first. */
export async function listUndelivered(
  db: Db,
  { limit, after }: { limit: number; after: { at: string; id: string } | undefined },
): Promise<UndeliveredRecord[]> {
  const { rows } = await sql<UndeliveredRecord>`
    select id, kind, recipient, case when due_at is null then 'given_up' else 'waiting' end as state, attempts,
      queued_at as "queuedAt", tried_at as "triedAt", due_at as "dueAt", error, queued_at::text as "queuedAtExact"
    from document_mails
    where (due_at is not null or given_up_at is not null)
      and ${after === undefined ? sql`true` : sql`(queued_at, id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by queued_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/** Longer than an attempt. */
const attemptSeconds = 120

/**
 * Makes one mail that was not sent due at once, or all of them, and returns their number. A mail that was given up is queued
 * again: its three days begin again. A mail that another process may be
 * sending now stays as it is, so that it is not sent twice.
 */
export async function retryMails(trx: Tx, { id, now }: { id: string | undefined; now: Date }): Promise<number> {
  const { numAffectedRows } = await sql`
    update document_mails set due_at = ${now}::timestamptz, given_up_at = null,
      queued_at = case when given_up_at is null then queued_at else ${now}::timestamptz end
    where (given_up_at is not null
        or (due_at is not null and coalesce(tried_at < ${now}::timestamptz - make_interval(secs => ${attemptSeconds}), true)))
      and ${id === undefined ? sql`true` : sql`id = ${id}::uuid`}`.execute(trx)
  return Number(numAffectedRows ?? 0)
}
