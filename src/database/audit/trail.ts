import { type RawBuilder, sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

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
 * A range of the trail: what happened after one moment and not after another and, unless it was gathered, was written by
 * the transactions after one number and up to another.
 */
export type TrailRange = {
  isByTime: boolean
  afterTransaction: string
  throughTransaction: string
  /** RFC 3339 in UTC, to the microsecond. */
  notBefore: string
  notAfter: string
}

/** A system task: the events of a range in the order in which they are sealed. */
export async function readTrail(db: Db | Tx, range: TrailRange): Promise<TrailEvent[]> {
  return readWhere(db, isInRange(range))
}

/** A system task: the events that are not in a range. */
export async function readTrailNotIn(db: Db | Tx, range: TrailRange): Promise<TrailEvent[]> {
  return readWhere(db, sql<boolean>`not ${isInRange(range)}`)
}

/**
 * A system task: the events within a range that are in none of these, which may be very many: as conditions of their own
 * they would take the planner longer than a statement may.
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
  // A time of infinity has no other form.
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
 * Where the next seal ends that takes some `most` events, as the number of a transaction; undefined while nothing is final.
 * Final is what no transaction that is open, and none that comes, can add to.
 */
export async function findLastTransaction(db: Db | Tx, range: TrailRange, most: number): Promise<string | undefined> {
  const { rows } = await sql<{ last: string | null }>`
    select max(number)::text as last from (
      select transaction_id::text::numeric as number from document_events
      where ${isInRange(range)} and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      order by transaction_id limit ${most}
    ) as final`.execute(db)
  return rows[0]?.last ?? undefined
}

/** Where the next seal ends that gathers the first `most` events of a range; undefined when there are not so many. */
export async function findLastMoment(db: Db | Tx, range: TrailRange, most: number): Promise<string | undefined> {
  const { rows } = await sql<{ last: string }>`
    select ${inUtc('occurred_at')} as last from document_events
    where ${isInRange(range)} order by occurred_at offset ${most - 1} limit 1`.execute(db)
  return rows[0]?.last
}

/** When the newest event of a range happened; undefined when there is none. */
export async function findNewestMoment(db: Db | Tx, range: TrailRange): Promise<string | undefined> {
  const { rows } = await sql<{ newest: string | null }>`
    select ${inUtc('max(occurred_at)')} as newest from document_events where ${isInRange(range)}`.execute(db)
  return rows[0]?.newest ?? undefined
}

/** Events of a range, and among them those of transactions that this database has not begun yet. */
export async function countTrail(db: Db | Tx, range: TrailRange): Promise<{ events: number; unborn: number }> {
  const { rows } = await sql<{ events: number; unborn: number }>`
    select count(*)::float8 as events,
      count(*) filter (where transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))::float8 as unborn
    from document_events where ${isInRange(range)}`.execute(db)
  return rows[0] ?? { events: 0, unborn: 0 }
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

/** A range of the trail as it was when it was sealed, chained to the one before. */
export type Seal = TrailRange & {
  /** From 1 on, without a gap. */
  number: number
  /** RFC 3339. */
  sealedAt: string
  cluster: string
  /** One entry after another; src/audit/trail-entries.ts reads them. */
  entries: Buffer
  previousHash: Buffer
  hash: Buffer
}

/** In which cluster of databases the trail stands, and the time there. */
export type Position = { cluster: string; now: string }

/** The newest seal; undefined before the first. */
export async function findLastSeal(db: Db | Tx): Promise<Seal | undefined> {
  const { rows } = await sql<Seal>`select ${columns} from document_seals order by number desc limit 1`.execute(db)
  return rows[0]
}

/** The newest seal, without what it seals. */
export type SealState = { number: number; sealedAt: Date }

export async function findSealState(db: Db): Promise<SealState | undefined> {
  const { rows } = await sql<SealState>`
    select number::float8 as number, sealed_at as "sealedAt" from document_seals order by number desc limit 1`.execute(
    db,
  )
  return rows[0]
}

/** Some `most` seals from a number on, oldest first. */
export async function readSeals(db: Db | Tx, fromNumber: number, most: number): Promise<Seal[]> {
  const { rows } = await sql<Seal>`
    select ${columns} from document_seals where number >= ${fromNumber} order by number limit ${most}`.execute(db)
  return rows
}

/** Seals made since a moment and numbered below another that may have events of what happened after that moment. */
export async function readSealsSince(db: Db | Tx, moment: string, belowNumber: number): Promise<Seal[]> {
  const { rows } = await sql<Seal>`
    select ${columns} from document_seals
    where sealed_at >= ${moment}::text::timestamptz and not_after > ${moment}::text::timestamptz
      and number < ${belowNumber} order by number`.execute(db)
  return rows
}

/** Seals that gathered what came to the trail in another cluster: from a number through another, up to a moment. */
export type LaterSeals = { fromNumber: number; throughNumber: number; notAfter: string }

/** The first such after a seal: from there on numbers of transactions say something else. Undefined where they say the same still. */
export async function findSealsByTimeAfter(
  db: Db | Tx,
  { number }: Pick<Seal, 'number'>,
): Promise<LaterSeals | undefined> {
  const firstByTime = sql`(select min(number) from document_seals where is_gathered and number > ${number})`
  const { rows } = await sql<{ [Field in keyof LaterSeals]: LaterSeals[Field] | null }>`
    select min(number)::float8 as "fromNumber", max(number)::float8 as "throughNumber",
      ${inUtc('max(not_after)')} as "notAfter"
    from document_seals as gathered
    where is_gathered and number > ${number} and not exists (
      select from document_seals as other
      where not other.is_gathered and other.number > ${firstByTime} and other.number < gathered.number)`.execute(db)
  const { fromNumber = null, throughNumber = null, notAfter = null } = rows[0] ?? {}
  if (fromNumber === null || throughNumber === null || notAfter === null) return undefined
  return { fromNumber, throughNumber, notAfter }
}

/** What a seal says beside its entries and hashes, under the names that the table and an export have. */
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

/** False when another worker has made a seal of this number first. */
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
  if (position === undefined) throw new Error('the database did not say where the trail stands')
  return position
}

/** Until the transaction ends nobody writes an event. */
export async function lockTrail(trx: Tx): Promise<void> {
  await sql`select document_events_lock()`.execute(trx)
}

const columns = sql`number::float8 as number, ${inUtc('sealed_at')} as "sealedAt", cluster, is_gathered as "isByTime",
  after_transaction::text as "afterTransaction", through_transaction::text as "throughTransaction",
  ${inUtc('not_before')} as "notBefore", ${inUtc('not_after')} as "notAfter", entries,
  previous_hash as "previousHash", hash`

/** RFC 3339 in UTC to the microsecond, whatever the connection's time zone: the form that is sealed and exported. */
function inUtc(expression: string): RawBuilder<string> {
  return sql`to_char(${sql.raw(expression)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
