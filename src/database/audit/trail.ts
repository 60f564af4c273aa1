import { type RawBuilder, sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

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

/**
 * A range of the trail: events after `notBefore` and up to `notAfter` and, unless it is by time, of transactions after one
 * number and up to another.
 */
export type TrailRange = {
  isByTime: boolean
  afterTransaction: string
  throughTransaction: string
  /** RFC 3339 in UTC, to the microsecond. */
  notBefore: string
  notAfter: string
}

/** The events of a range in the order of their seal. */
export async function readTrail(db: Db | Tx, range: TrailRange): Promise<TrailEvent[]> {
  return readWhere(db, isInRange(range))
}

/** The events outside of a range. */
export async function readTrailNotIn(db: Db | Tx, range: TrailRange): Promise<TrailEvent[]> {
  return readWhere(db, sql<boolean>`not ${isInRange(range)}`)
}

/**
 * The events in one range and in none of many others. The ranges are arrays, because the planner would take too long for
 * many conditions.
 */
export async function readTrailOutside(db: Db | Tx, within: TrailRange, ranges: TrailRange[]): Promise<TrailEvent[]> {
  const each = <Field extends keyof TrailRange>(field: Field) => ranges.map((range) => range[field])
  return readWhere(
    db,
    sql<boolean>`${isInRange(within)} and not exists (
      select from unnest(${each('isByTime')}::boolean[], ${each('afterTransaction')}::text[]::xid8[],
        ${each('throughTransaction')}::text[]::xid8[], ${each('notBefore')}::text[]::timestamptz[],
        ${each('notAfter')}::text[]::timestamptz[]) as s (is_gathered, after, through, not_before, not_after)
      where occurred_at > s.not_before and occurred_at <= s.not_after
        and (s.is_gathered or (transaction_id > s.after and transaction_id <= s.through)))`,
  )
}

async function readWhere(db: Db | Tx, condition: RawBuilder<boolean>): Promise<TrailEvent[]> {
  // `infinity` has no RFC 3339 form.
  const { rows } = await sql<TrailEvent>`
    select id, coalesce(${inUtc('occurred_at')}, occurred_at::text) as "occurredAt",
      transaction_id::text as "transactionId", firm_id as "firmId", document_id as "documentId", version, action, outcome,
      actor_id as "actorId", request_id as "requestId", details::text as details,
      encode(personal_commitment, 'hex') as "personalCommitment", personal::text as personal,
      encode(personal_salt, 'hex') as "personalSalt"
    from document_trail where ${condition} order by transaction_id, occurred_at, id`.execute(db)
  return rows
}

/**
 * The last transaction of the next seal, which takes about `maxEvents` events; undefined while no event is final. An event
 * is final when no open or future transaction can have a lower number.
 */
export async function findLastTransaction(
  db: Db | Tx,
  range: TrailRange,
  maxEvents: number,
): Promise<string | undefined> {
  const { rows } = await sql<{ last: string | null }>`
    select max(number)::text as last from (
      select transaction_id::text::numeric as number from document_events
      where ${isInRange(range)} and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      order by transaction_id limit ${maxEvents}
    ) as final`.execute(db)
  return rows[0]?.last ?? undefined
}

/** The time of the last of the first `maxEvents` events in a range; undefined if there are fewer. */
export async function findLastMoment(db: Db | Tx, range: TrailRange, maxEvents: number): Promise<string | undefined> {
  const { rows } = await sql<{ last: string }>`
    select ${inUtc('occurred_at')} as last from document_events
    where ${isInRange(range)} order by occurred_at offset ${maxEvents - 1} limit 1`.execute(db)
  return rows[0]?.last
}

/** The time of the newest event in a range; undefined if there is none. */
export async function findNewestMoment(db: Db | Tx, range: TrailRange): Promise<string | undefined> {
  const { rows } = await sql<{ newest: string | null }>`
    select ${inUtc('max(occurred_at)')} as newest from document_events where ${isInRange(range)}`.execute(db)
  return rows[0]?.newest ?? undefined
}

/** Counts the events of a range, and those of transactions that this database has not started yet. */
export async function countTrail(db: Db | Tx, range: TrailRange): Promise<{ events: number; futureCount: number }> {
  const { rows } = await sql<{ events: number; futureCount: number }>`
    select count(*)::float8 as events,
      count(*) filter (where transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))::float8 as "futureCount"
    from document_events where ${isInRange(range)}`.execute(db)
  return rows[0] ?? { events: 0, futureCount: 0 }
}

function isInRange({
  isByTime,
  afterTransaction,
  throughTransaction,
  notBefore,
  notAfter,
}: TrailRange): RawBuilder<boolean> {
  const ofTime = sql<boolean>`(occurred_at > ${notBefore}::text::timestamptz
    and occurred_at <= ${notAfter}::text::timestamptz)`
  if (isByTime) return ofTime
  return sql<boolean>`(transaction_id > ${afterTransaction}::text::xid8
    and transaction_id <= ${throughTransaction}::text::xid8 and ${ofTime})`
}

/** A sealed range of the trail, chained to the previous seal. */
export type Seal = TrailRange & {
  /** From 1 on, without a gap. */
  number: number
  /** RFC 3339. */
  sealedAt: string
  cluster: string
  /** Concatenated entries; src/audit/seal-format.ts reads them. */
  entries: Buffer
  previousHash: Buffer
  hash: Buffer
}

/** The database cluster of the trail, and its time. */
export type Position = { cluster: string; now: string }

/** The newest seal; undefined if there is none. */
export async function findLastSeal(db: Db | Tx): Promise<Seal | undefined> {
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
export async function readSeals(db: Db | Tx, fromNumber: number, maxSeals: number): Promise<Seal[]> {
  const { rows } = await sql<Seal>`
    select ${columns} from document_seals where number >= ${fromNumber} order by number limit ${maxSeals}`.execute(db)
  return rows
}

/** Seals made since a moment, below a number, that can contain events after that moment. */
export async function readSealsSince(db: Db | Tx, moment: string, belowNumber: number): Promise<Seal[]> {
  const { rows } = await sql<Seal>`
    select ${columns} from document_seals
    where sealed_at >= ${moment}::text::timestamptz and not_after > ${moment}::text::timestamptz
      and number < ${belowNumber} order by number`.execute(db)
  return rows
}

/** A series of seals by time: their first and last number, and the end of their range. */
export type LaterSeals = { fromNumber: number; throughNumber: number; notAfter: string }

/** The first series of seals by time after a seal: from there on transaction numbers start again. */
export async function findSealsByTimeAfter(
  db: Db | Tx,
  { number }: Pick<Seal, 'number'>,
): Promise<LaterSeals | undefined> {
  const firstByTime = sql`(select min(number) from document_seals where is_gathered and number > ${number})`
  const { rows } = await sql<{ [Field in keyof LaterSeals]: LaterSeals[Field] | null }>`
    select min(number)::float8 as "fromNumber", max(number)::float8 as "throughNumber",
      ${inUtc('max(not_after)')} as "notAfter"
    from document_seals as by_time
    where is_gathered and number > ${number} and not exists (
      select from document_seals as other
      where not other.is_gathered and other.number > ${firstByTime} and other.number < by_time.number)`.execute(db)
  const { fromNumber = null, throughNumber = null, notAfter = null } = rows[0] ?? {}
  if (fromNumber === null || throughNumber === null || notAfter === null) return undefined
  return { fromNumber, throughNumber, notAfter }
}

/** A seal without its entries and hashes, under the column names of the table and of exports. */
export function sealColumns(seal: Omit<Seal, 'entries' | 'previousHash' | 'hash'>) {
  return {
    number: seal.number,
    sealed_at: seal.sealedAt,
    cluster: seal.cluster,
    is_gathered: seal.isByTime,
    after_transaction: seal.afterTransaction,
    through_transaction: seal.throughTransaction,
    not_before: seal.notBefore,
    not_after: seal.notAfter,
  }
}

/** False if another worker has made a seal with this number first. */
export async function insertSeal(db: Db | Tx, seal: Seal): Promise<boolean> {
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

export async function findPosition(db: Db | Tx): Promise<Position> {
  const { rows } = await sql<Position>`
    select document_cluster() as cluster, ${inUtc('clock_timestamp()')} as now`.execute(db)
  const [position] = rows
  if (position === undefined) throw new Error('the database returned no position of the trail')
  return position
}

/** Locks out writers of events until the transaction ends. */
export async function lockTrail(trx: Tx): Promise<void> {
  await sql`select document_events_lock()`.execute(trx)
}

const columns = sql`number::float8 as number, ${inUtc('sealed_at')} as "sealedAt", cluster, is_gathered as "isByTime",
  after_transaction::text as "afterTransaction", through_transaction::text as "throughTransaction",
  ${inUtc('not_before')} as "notBefore", ${inUtc('not_after')} as "notAfter", entries,
  previous_hash as "previousHash", hash`

/** RFC 3339 in UTC to the microsecond, whatever the connection's time zone. */
function inUtc(expression: string): RawBuilder<string> {
  return sql`to_char(${sql.raw(expression)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
