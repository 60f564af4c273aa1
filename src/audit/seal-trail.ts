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
import {
  countEntries,
  hashLink,
  linkOf,
  noHash,
  packEntries,
  rangeAfter,
  timeAfter,
  wholeTrail,
} from './seal-format.ts'
import { eventsOfSeal } from './sealed-events.ts'

/** Maximum of events in one seal. */
const defaultSealEvents = 2000
/** Seals made under one lock, during which nobody can write an event. */
const maxSealsPerLock = 5

type Needs = { db: Db; signal?: AbortSignal }
type SealByTime = { cluster: string; maxEvents: number; sealed: SealResult }

/**
 * Seals all final events that have no seal. Writers of events do not wait, except for the very first seals and the first
 * ones after the database moved to another cluster, where transaction numbers say nothing: these are made by time, a few
 * at a time under a lock. After an abort the next run continues.
 */
export async function sealTrail(needs: Needs, maxEvents = defaultSealEvents): Promise<SealResult> {
  const { db, signal } = needs
  const sealed: SealResult = { seals: 0, events: 0 }
  const { cluster } = await findPosition(db)
  let last = await sealByTime(needs, await findLastSeal(db), { cluster, maxEvents, sealed })
  while (last !== undefined) {
    const range = rangeAfter(last)
    const throughTransaction = await findLastTransaction(db, range, maxEvents)
    if (throughTransaction === undefined || signal?.aborted === true) break
    const next = await makeSeal(db, last, { ...range, throughTransaction, cluster })
    if (!(await insertSeal(db, next))) break
    countSeal(sealed, next)
    last = next
  }
  return sealed
}

/**
 * Seals events by time whose transaction numbers say nothing: all before the first seal, and those since the last seal of
 * another cluster. Returns the last seal; undefined after an abort, or if another worker was first.
 */
async function sealByTime(
  { db, signal }: Needs,
  last: Seal | undefined,
  options: SealByTime,
): Promise<Seal | undefined> {
  let newest = last
  while (newest === undefined || (await needsSealByTime(db, newest, options.cluster))) {
    if (signal?.aborted === true) return undefined
    const before = newest
    newest = await inTransaction(db, (trx) => sealSomeByTime(trx, before, { ...options, signal }))
    if (newest === undefined) return undefined
  }
  return newest
}

/** Seals all unsealed events by time after a restore: their transaction numbers are those of another database. */
export async function sealRestored(db: Db): Promise<void> {
  const { cluster } = await findPosition(db)
  const options = { cluster, maxEvents: defaultSealEvents, sealed: { seals: 0, events: 0 } }
  const last = await findLastSeal(db)
  const first = await inTransaction(db, (trx) => sealSomeByTime(trx, last, { ...options, signal: undefined }))
  if (first !== undefined) await sealByTime({ db }, first, options)
}

/** Also true if an earlier sealing by time ended early: events from before its last seal have no seal yet. */
async function needsSealByTime(db: Db, last: Seal, cluster: string): Promise<boolean> {
  if (last.cluster !== cluster) return true
  if (!last.isByTime) return false
  return (await findNewestMoment(db, { ...timeAfter(last.notAfter), notAfter: last.sealedAt })) !== undefined
}

/** Makes some seals while nobody can write an event: later events have later times and numbers. Undefined if another worker was first. */
async function sealSomeByTime(
  trx: Tx,
  last: Seal | undefined,
  { cluster, maxEvents, sealed, signal }: SealByTime & { signal: AbortSignal | undefined },
): Promise<Seal | undefined> {
  await lockTrail(trx)
  const position = await findPosition(trx)
  let notBefore = startAfter(last, position)
  const newest = await findNewestMoment(trx, timeAfter(notBefore))
  if (newest !== undefined && newest > position.now) throw new Error(clockIsBehind(newest, position.now))
  let previous = last
  for (let held = 1; ; held += 1) {
    const rest = timeAfter(notBefore)
    const lastMoment = await findLastMoment(trx, rest, maxEvents)
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
  return `the audit trail’s newest event is of ${newest}, but the database’s clock says ${now}. Set the clock, or wait until then.`
}

type SealResult = { seals: number; events: number }

/** Builds the seal of a range, chained to the last one. */
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
