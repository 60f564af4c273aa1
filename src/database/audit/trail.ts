import { type RawBuilder, sql } from 'kysely'

import type { Db } from '../connection/client.ts'

/** An event in the form that is sealed and exported. */
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
  /** JSON, exactly as the database formats it. */
  details: string
  /** SHA-256 in hex, over the salt and the text of the personal fields. */
  personalCommitment: string
  /** The personal fields as JSON, exactly as the database formats them; null after their erasure. */
  personal: string | null
  /** Hex; null after its erasure. */
  personalSalt: string | null
}

/** The events of transactions after one number and up to another. Undefined: no limit. */
export type TrailRange = { afterTransaction: string | undefined; throughTransaction: string | undefined }

/** The events of a range in the order of their seal. */
export async function readTrail(db: Db, range: TrailRange): Promise<TrailEvent[]> {
  // `infinity` has no RFC 3339 form.
  const { rows } = await sql<TrailEvent>`
    select id, coalesce(${inUtc('occurred_at')}, occurred_at::text) as "occurredAt",
      transaction_id::text as "transactionId", firm_id as "firmId", document_id as "documentId", version, action, outcome,
      actor_id as "actorId", request_id as "requestId", details::text as details,
      encode(personal_commitment, 'hex') as "personalCommitment", personal::text as personal,
      encode(personal_salt, 'hex') as "personalSalt"
    from document_trail where ${isInRange(range)} order by transaction_id, occurred_at, id`.execute(db)
  return rows
}

/** The last transaction of the first `maxEvents` events in a range; undefined if there are no events. */
export async function findLastTransaction(db: Db, range: TrailRange, maxEvents: number): Promise<string | undefined> {
  const { rows } = await sql<{ last: string | null }>`
    select max(transaction_id)::text as last from (
      select transaction_id from document_events where ${isInRange(range)}
      order by transaction_id limit ${maxEvents}
    ) as first`.execute(db)
  return rows[0]?.last ?? undefined
}

/** Counts the events after a transaction, and those of transactions that this database has not started yet. */
export async function countTrailAfter(
  db: Db,
  afterTransaction: string | undefined,
): Promise<{ events: number; futureCount: number }> {
  const { rows } = await sql<{ events: number; futureCount: number }>`
    select count(*)::float8 as events, count(*) filter (where transaction_id >= (
      select document_trail_offset() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint))::float8 as "futureCount"
    from document_events where ${isInRange({ afterTransaction, throughTransaction: undefined })}`.execute(db)
  return rows[0] ?? { events: 0, futureCount: 0 }
}

function isInRange({ afterTransaction: after, throughTransaction: through }: TrailRange): RawBuilder<boolean> {
  const isAfter = after === undefined ? sql`true` : sql`transaction_id > ${after}::bigint`
  const isUpTo = through === undefined ? sql`true` : sql`transaction_id <= ${through}::bigint`
  return sql<boolean>`(${isAfter} and ${isUpTo})`
}

/** A sealed range of the trail, chained to the previous seal. */
export type Seal = {
  /** From 1 on, without a gap. */
  number: number
  /** RFC 3339. */
  sealedAt: string
  /** `throughTransaction` of the previous seal; 0 for the first one. */
  afterTransaction: string
  throughTransaction: string
  /** Concatenated entries; src/audit/seal-format.ts reads them. */
  entries: Buffer
  previousHash: Buffer
  hash: Buffer
}

/** The newest seal; undefined if there is none. */
export async function findLastSeal(db: Db): Promise<Seal | undefined> {
  const { rows } = await sql<Seal>`select ${columns} from document_seals order by number desc limit 1`.execute(db)
  return rows[0]
}

/** The newest seal without its entries. */
export type SealState = { number: number; sealedAt: Date }

export async function findSealState(db: Db): Promise<SealState | undefined> {
  const { rows } = await sql<SealState>`
    select number::float8 as number, sealed_at as "sealedAt" from document_seals order by number desc limit 1`.execute(
    db,
  )
  return rows[0]
}

/** At most `maxSeals` seals from a number on, oldest first. */
export async function readSeals(db: Db, fromNumber: number, maxSeals: number): Promise<Seal[]> {
  const { rows } = await sql<Seal>`
    select ${columns} from document_seals where number >= ${fromNumber} order by number limit ${maxSeals}`.execute(db)
  return rows
}

/** A seal without its entries and hashes, under the column names of the table and of exports. */
export function sealColumns(seal: Omit<Seal, 'entries' | 'previousHash' | 'hash'>) {
  return {
    number: seal.number,
    sealed_at: seal.sealedAt,
    after_transaction: seal.afterTransaction,
    through_transaction: seal.throughTransaction,
  }
}

/** False if another worker has made a seal with this number first. */
export async function insertSeal(db: Db, seal: Seal): Promise<boolean> {
  const inserted = await db
    .insertInto('document_seals')
    .values({
      ...sealColumns(seal),
      entries: seal.entries,
      previous_hash: seal.previousHash,
      hash: seal.hash,
    })
    .onConflict((conflict) => conflict.column('number').doNothing())
    .returning('number')
    .executeTakeFirst()
  return inserted !== undefined
}

/** The last number that is final: no open or future transaction can write an event with it or a lower one. */
export async function findPosition(db: Db): Promise<{ finalTransaction: string; now: string }> {
  const { rows } = await sql<{ finalTransaction: string; now: string }>`
    select (document_trail_offset() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text as "finalTransaction",
      ${inUtc('clock_timestamp()')} as now`.execute(db)
  const [position] = rows
  if (position === undefined) throw new Error('the database returned no position of the trail')
  return position
}

const columns = sql`number::float8 as number, ${inUtc('sealed_at')} as "sealedAt",
  after_transaction::text as "afterTransaction", through_transaction::text as "throughTransaction", entries,
  previous_hash as "previousHash", hash`

/** RFC 3339 in UTC to the microsecond, whatever the connection's time zone. */
function inUtc(expression: string): RawBuilder<string> {
  return sql`to_char(${sql.raw(expression)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
