import type { Db, Tx } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import {
  findLastMoment,
  findLastSeal,
  findLastTransaction,
  findNewestMoment,
  findPosition,
  lockTrail,
  insertSeal,
  type Position,
  type Seal,
  type TrailRange,
} from '../database/audit/trail.ts'
import { countEntries, packEntries } from './trail-entries.ts'
import { eventsOfSeal } from './sealed-events.ts'
import { hashLink, linkOf, noHash } from './seal-format.ts'
import { timeAfter, rangeAfter, wholeTrail } from './seal-ranges.ts'

/** Events of one seal. */
const defaultSealEvents = 2000
/** So many seals are made at once: for as long nobody can write an event. */
const maxSealsPerLock = 5

type Needs = { db: Db; signal?: AbortSignal }
type SealByTime = { cluster: string; most: number; sealed: SealResult }

/**
 * Seals all that is final in the trail and has no seal. Nobody who writes an event waits for it, but for the first seals of
 * all and the first after the database was moved to another cluster, a few at a time: there the numbers of transactions say
 * nothing. It may be told to end at any moment; the next run goes on from there.
 */
export async function sealTrail(needs: Needs, most = defaultSealEvents): Promise<SealResult> {
  const { db, signal } = needs
  const sealed: SealResult = { seals: 0, events: 0 }
  const { cluster } = await findPosition(db)
  let last = await sealByTime(needs, await findLastSeal(db), { cluster, most, sealed })
  while (last !== undefined) {
    const range = rangeAfter(last)
    const throughTransaction = await findLastTransaction(db, range, most)
    if (throughTransaction === undefined || signal?.aborted === true) break
    const next = await makeSeal(db, last, { ...range, throughTransaction, cluster })
    if (!(await insertSeal(db, next))) break
    countSeal(sealed, next)
    last = next
  }
  return sealed
}

/**
 * Seals by their time the events that no number of a transaction tells from others: all, before the first seal, and those
 * that came since the last one of another cluster. Answers the last seal then; undefined when it was told to end before,
 * or another worker was first.
 */
async function sealByTime(
  { db, signal }: Needs,
  last: Seal | undefined,
  gathering: SealByTime,
): Promise<Seal | undefined> {
  let newest = last
  while (newest === undefined || (await needsSealByTime(db, newest, gathering.cluster))) {
    if (signal?.aborted === true) return undefined
    const before = newest
    newest = await inTransaction(db, (trx) => sealSomeByTime(trx, before, { ...gathering, signal }))
    if (newest === undefined) return undefined
  }
  return newest
}

/** Seals by time all that has no seal after a restore: whatever database it is, the numbers of transactions are another's. */
export async function sealRestored(db: Db): Promise<void> {
  const { cluster } = await findPosition(db)
  const gathering = { cluster, most: defaultSealEvents, sealed: { seals: 0, events: 0 } }
  const last = await findLastSeal(db)
  const first = await inTransaction(db, (trx) => sealSomeByTime(trx, last, { ...gathering, signal: undefined }))
  if (first !== undefined) await sealByTime({ db }, first, gathering)
}

/** After a gathering that ended early there are events from before its last seal that this one did not come to. */
async function needsSealByTime(db: Db, last: Seal, cluster: string): Promise<boolean> {
  if (last.cluster !== cluster) return true
  if (!last.isByTime) return false
  return (await findNewestMoment(db, { ...timeAfter(last.notAfter), notAfter: last.sealedAt })) !== undefined
}

/** Some seals, while nobody can write an event: what comes after them is later in time and number. Undefined when another worker was first. */
async function sealSomeByTime(
  trx: Tx,
  last: Seal | undefined,
  { cluster, most, sealed, signal }: SealByTime & { signal: AbortSignal | undefined },
): Promise<Seal | undefined> {
  await lockTrail(trx)
  const position = await findPosition(trx)
  let notBefore = startAfter(last, position)
  const newest = await findNewestMoment(trx, timeAfter(notBefore))
  if (newest !== undefined && newest > position.now) throw new Error(clockIsBehind(newest, position.now))
  let previous = last
  for (let held = 1; ; held += 1) {
    const rest = timeAfter(notBefore)
    const lastMoment = await findLastMoment(trx, rest, most)
    const notAfter = lastMoment ?? position.now
    const seal = await makeSeal(trx, previous, { ...rest, notAfter, cluster })
    if (!(await insertSeal(trx, seal))) return undefined
    countSeal(sealed, seal)
    if (lastMoment === undefined || held === maxSealsPerLock || signal?.aborted === true) return seal
    previous = seal
    notBefore = notAfter
  }
}

function startAfter(last: Seal | undefined, { cluster }: Position): string {
  if (last === undefined) return wholeTrail.notBefore
  return last.isByTime && last.cluster === cluster ? last.notAfter : aDayBefore(last.sealedAt)
}

function aDayBefore(moment: string): string {
  return new Date(Date.parse(moment) - 24 * 60 * 60 * 1000).toISOString().replace('Z', '000Z')
}

function clockIsBehind(newest: string, now: string): string {
  return `the audit trail’s newest event is of ${newest}, but the database’s clock says ${now}; set the clock, or wait until then`
}

type SealResult = { seals: number; events: number }

/** The seal of a range, chained to the last one; nobody has it yet. */
async function makeSeal(db: Db | Tx, last: Seal | undefined, range: TrailRange & { cluster: string }): Promise<Seal> {
  const number = (last?.number ?? 0) + 1
  const lines = await eventsOfSeal(db, { ...range, number })
  const { now: sealedAt } = await findPosition(db)
  const seal = {
    ...range,
    number,
    sealedAt,
    entries: packEntries(lines.map(({ entry }) => entry)),
    previousHash: last?.hash ?? noHash,
  }
  return { ...seal, hash: hashLink(linkOf(seal)) }
}

function countSeal(sealed: SealResult, seal: Seal): void {
  sealed.seals += 1
  sealed.events += countEntries(seal.entries)
}
