import { sql } from 'kysely'

import type { Db, Tx } from './client.ts'
import { inUtc } from './in-utc.ts'

/** One event as the trail has it, each part in the one form that it is sealed and exported in. */
export type TrailEvent = {
  id: string
  /** RFC 3339 in UTC, to the microsecond. */
  occurredAt: string
  /** The number of the transaction that wrote it. */
  transactionId: string
  firmId: string | null
  documentId: string | null
  version: number | null
  action: string
  outcome: string
  actorId: string | null
  requestId: string
  /** JSON, letter for letter as the database writes it. */
  details: string
  /** SHA-256 in hex, over the salt and the text of the personal fields. */
  personalCommitment: string
  /** The personal fields as JSON, letter for letter; null once they are erased. */
  personal: string | null
  /** In hex; null once it is erased. */
  personalSalt: string | null
}

/**
 * A stretch of the trail: what happened after one moment and not after another and, unless it was gathered, was written by
 * the transactions after one number and up to another.
 */
export type Stretch = {
  isGathered: boolean
  afterTransaction: string
  throughTransaction: string
  /** RFC 3339 in UTC, to the microsecond. */
  notBefore: string
  notAfter: string
}

/** A system task: the events of a stretch in the order in which they are sealed. */
export async function readTrail(db: Db | Tx, stretch: Stretch): Promise<TrailEvent[]> {
  const { rows } = await sql<TrailEvent>`
    select id, ${inUtc('occurred_at')} as "occurredAt",
      transaction_id::text as "transactionId", firm_id as "firmId", document_id as "documentId", version, action, outcome,
      actor_id as "actorId", request_id as "requestId", details::text as details,
      encode(personal_commitment, 'hex') as "personalCommitment", personal::text as personal,
      encode(personal_salt, 'hex') as "personalSalt"
    from document_trail where ${isIn(stretch)} order by transaction_id, occurred_at, id`.execute(db)
  return rows
}

/**
 * Where the next seal ends that takes some `most` events, as the number of a transaction; undefined while nothing is final.
 * Final is what no transaction that is open, and none that comes, can add to.
 */
export async function findLastTransaction(db: Db | Tx, stretch: Stretch, most: number): Promise<string | undefined> {
  const { rows } = await sql<{ last: string | null }>`
    select max(number)::text as last from (
      select transaction_id::text::numeric as number from document_events
      where ${isIn(stretch)} and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      order by transaction_id limit ${most}
    ) as final`.execute(db)
  return rows[0]?.last ?? undefined
}

/** Where the next seal ends that gathers the first `most` events of a stretch; undefined when there are not so many. */
export async function findLastMoment(db: Db | Tx, stretch: Stretch, most: number): Promise<string | undefined> {
  const { rows } = await sql<{ last: string }>`
    select ${inUtc('occurred_at')} as last from document_events
    where ${isIn(stretch)} order by occurred_at offset ${most - 1} limit 1`.execute(db)
  return rows[0]?.last
}

/** When the newest event of a stretch happened; undefined when there is none. */
export async function findNewest(db: Db | Tx, stretch: Stretch): Promise<string | undefined> {
  const { rows } = await sql<{ newest: string | null }>`
    select ${inUtc('max(occurred_at)')} as newest from document_events where ${isIn(stretch)}`.execute(db)
  return rows[0]?.newest ?? undefined
}

/** Events of a stretch, and among them those of transactions that this database has not begun yet. */
export async function countTrail(db: Db | Tx, stretch: Stretch): Promise<{ events: number; unborn: number }> {
  const { rows } = await sql<{ events: number; unborn: number }>`
    select count(*)::float8 as events,
      count(*) filter (where transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))::float8 as unborn
    from document_events where ${isIn(stretch)}`.execute(db)
  return rows[0] ?? { events: 0, unborn: 0 }
}

function isIn({ isGathered, afterTransaction, throughTransaction, notBefore, notAfter }: Stretch) {
  const ofTime = sql`occurred_at > ${notBefore}::text::timestamptz and occurred_at <= ${notAfter}::text::timestamptz`
  if (isGathered) return ofTime
  return sql`transaction_id > ${afterTransaction}::text::xid8 and transaction_id <= ${throughTransaction}::text::xid8
    and ${ofTime}`
}
