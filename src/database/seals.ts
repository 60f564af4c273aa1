import { sql } from 'kysely'

import type { Db, Tx } from './client.ts'
import { inUtc } from './in-utc.ts'
import type { Stretch } from './trail.ts'

/** A stretch of the trail as it was when it was sealed, chained to the one before. */
export type Seal = Stretch & {
  /** From 1 on, without a gap. */
  number: number
  /** RFC 3339. */
  sealedAt: string
  cluster: string
  /** One entry after another; src/audit/entries.ts reads them. */
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
export type LaterGathering = { fromNumber: number; throughNumber: number; notAfter: string }

/** The first such after a seal: from there on numbers of transactions say something else. Undefined where they say the same still. */
export async function findGatheringAfter(
  db: Db | Tx,
  { number }: Pick<Seal, 'number'>,
): Promise<LaterGathering | undefined> {
  const firstGathered = sql`(select min(number) from document_seals where is_gathered and number > ${number})`
  const { rows } = await sql<{ [Field in keyof LaterGathering]: LaterGathering[Field] | null }>`
    select min(number)::float8 as "fromNumber", max(number)::float8 as "throughNumber",
      ${inUtc('max(not_after)')} as "notAfter"
    from document_seals as gathered
    where is_gathered and number > ${number} and not exists (
      select from document_seals as other
      where not other.is_gathered and other.number > ${firstGathered} and other.number < gathered.number)`.execute(db)
  const { fromNumber = null, throughNumber = null, notAfter = null } = rows[0] ?? {}
  if (fromNumber === null || throughNumber === null || notAfter === null) return undefined
  return { fromNumber, throughNumber, notAfter }
}

/** False when another worker has made a seal of this number first. */
export async function insertSeal(db: Db | Tx, seal: Seal): Promise<boolean> {
  const inserted = await db
    .insertInto('document_seals')
    .values({
      number: seal.number,
      sealed_at: seal.sealedAt,
      cluster: seal.cluster,
      is_gathered: seal.isGathered,
      after_transaction: seal.afterTransaction,
      through_transaction: seal.throughTransaction,
      not_before: seal.notBefore,
      not_after: seal.notAfter,
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
export async function holdTrail(trx: Tx): Promise<void> {
  await sql`select document_events_hold()`.execute(trx)
}

const columns = sql`number::float8 as number, ${inUtc('sealed_at')} as "sealedAt", cluster, is_gathered as "isGathered",
  after_transaction::text as "afterTransaction", through_transaction::text as "throughTransaction",
  ${inUtc('not_before')} as "notBefore", ${inUtc('not_after')} as "notAfter", entries,
  previous_hash as "previousHash", hash`
