import type { Db, Tx } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { findLastSeal, findPosition, holdTrail, insertSeal, type Seal } from '../database/seals.ts'
import { findLastMoment, findLastTransaction, findNewest, type Stretch } from '../database/trail.ts'
import { countEntries, packEntries } from './entries.ts'
import { eventsOfSeal } from './events-of-seal.ts'
import { hashLink, linkOf, noHash } from './hash-seal.ts'

type Needs = { db: Db; signal?: AbortSignal }

/** Events of one seal. */
const usualMost = 2000

export type Sealed = { seals: number; events: number }

/**
 * Seals all that is final in the trail and has no seal. Nobody who writes an event waits for it, but for the first seal of
 * all and the first after the database was moved to another cluster: there the numbers of transactions say nothing.
 */
export async function sealTrail({ db, signal }: Needs, most = usualMost): Promise<Sealed> {
  const sealed: Sealed = { seals: 0, events: 0 }
  let last = await findLastSeal(db)
  const { cluster } = await findPosition(db)
  if (last?.cluster !== cluster) {
    last = await inTransaction(db, (trx) => gather(trx, last, { most, sealed }))
  }
  while (last !== undefined) {
    const stretch = stretchAfter(last)
    const throughTransaction = await findLastTransaction(db, stretch, most)
    if (throughTransaction === undefined || signal?.aborted === true) break
    const next = await makeSeal(db, last, { ...stretch, throughTransaction, cluster })
    if (!(await insertSeal(db, next))) break
    count(sealed, next)
    last = next
  }
  return sealed
}

/** Seals by time all that has no seal, as after a restore: there the numbers of transactions are another database's. */
export async function gatherTrail(db: Db): Promise<Sealed> {
  const sealed: Sealed = { seals: 0, events: 0 }
  await inTransaction(db, async (trx) => gather(trx, await findLastSeal(trx), { most: usualMost, sealed }))
  return sealed
}

/** The stretch that no seal after this one has: all that is later. */
export function stretchAfter(last: Seal): Stretch {
  return {
    isGathered: false,
    afterTransaction: last.throughTransaction,
    throughTransaction: greatestTransaction,
    notBefore: last.isGathered ? last.notAfter : last.notBefore,
    notAfter: endOfTime,
  }
}

type Gathering = { most: number; sealed: Sealed }

/** Seals of all events that are there and have none, while nobody can write one. What comes after them is later in time and number. */
async function gather(trx: Tx, last: Seal | undefined, { most, sealed }: Gathering): Promise<Seal | undefined> {
  await holdTrail(trx)
  const position = await findPosition(trx)
  let notBefore = last === undefined ? beginningOfTime : aDayBefore(last.sealedAt)
  const newest = await findNewest(trx, restAfter(notBefore))
  if (newest !== undefined && newest > position.now) throw new Error(clockIsBehind(newest, position.now))
  let previous = last
  for (;;) {
    const rest = restAfter(notBefore)
    const lastMoment = await findLastMoment(trx, rest, most)
    const notAfter = lastMoment ?? position.now
    const seal = await makeSeal(trx, previous, { ...rest, notAfter, cluster: position.cluster })
    if (!(await insertSeal(trx, seal))) return undefined
    count(sealed, seal)
    if (lastMoment === undefined) return seal
    previous = seal
    notBefore = notAfter
  }
}

function restAfter(notBefore: string): Stretch {
  // The next seal begins with every number, and with what happened after this one.
  return { isGathered: true, afterTransaction: '0', throughTransaction: '0', notBefore, notAfter: endOfTime }
}

async function makeSeal(db: Db | Tx, last: Seal | undefined, stretch: Stretch & { cluster: string }): Promise<Seal> {
  const number = (last?.number ?? 0) + 1
  const lines = await eventsOfSeal(db, { ...stretch, number })
  const { now: sealedAt } = await findPosition(db)
  const seal = {
    ...stretch,
    number,
    sealedAt,
    entries: packEntries(lines.map(({ entry }) => entry)),
    previousHash: last?.hash ?? noHash,
  }
  return { ...seal, hash: hashLink(linkOf(seal)) }
}

function count(sealed: Sealed, seal: Seal): void {
  sealed.seals += 1
  sealed.events += countEntries(seal.entries)
}

const beginningOfTime = '0001-01-01T00:00:00.000000Z'
const endOfTime = '9999-12-31T23:59:59.999999Z'
// A PostgreSQL transaction number, which has 64 bits.
const greatestTransaction = '18446744073709551615'

function aDayBefore(moment: string): string {
  return new Date(Date.parse(moment) - 24 * 60 * 60 * 1000).toISOString().replace('Z', '000Z')
}

function clockIsBehind(newest: string, now: string): string {
  return `the audit trail’s newest event is of ${newest}, but the database’s clock says ${now}; set the clock, or wait until then`
}
