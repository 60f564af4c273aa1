import type { Db } from '../database/client.ts'
import { findLastSeal, findPosition, insertSeal, type Seal } from '../database/seals.ts'
import { findLastTransaction, type Stretch } from '../database/trail.ts'
import { gatherTrail } from './gather-trail.ts'
import { countSeal, endOfTime, makeSeal, type Sealed, usualMost } from './make-seal.ts'

type Needs = { db: Db; signal?: AbortSignal }

/**
 * Seals all that is final in the trail and has no seal. Nobody who writes an event waits for it, but for the first seals of
 * all and the first after the database was moved to another cluster, a few at a time: there the numbers of transactions say
 * nothing. It may be told to end at any moment; the next run goes on from there.
 */
export async function sealTrail(needs: Needs, most = usualMost): Promise<Sealed> {
  const { db, signal } = needs
  const sealed: Sealed = { seals: 0, events: 0 }
  const { cluster } = await findPosition(db)
  let last = await gatherTrail(needs, await findLastSeal(db), { cluster, most, sealed })
  while (last !== undefined) {
    const stretch = stretchAfter(last)
    const throughTransaction = await findLastTransaction(db, stretch, most)
    if (throughTransaction === undefined || signal?.aborted === true) break
    const next = await makeSeal(db, last, { ...stretch, throughTransaction, cluster })
    if (!(await insertSeal(db, next))) break
    countSeal(sealed, next)
    last = next
  }
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

// A PostgreSQL transaction number, which has 64 bits.
const greatestTransaction = '18446744073709551615'
