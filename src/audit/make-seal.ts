import type { Db, Tx } from '../database/client.ts'
import { findPosition, type Seal } from '../database/seals.ts'
import type { Stretch } from '../database/trail.ts'
import { countEntries, packEntries } from './entries.ts'
import { eventsOfSeal } from './events-of-seal.ts'
import { hashLink, linkOf, noHash } from './hash-seal.ts'

/** Events of one seal. */
export const usualMost = 2000

export type Sealed = { seals: number; events: number }

/** The seal of a stretch, chained to the last one; nobody has it yet. */
export async function makeSeal(
  db: Db | Tx,
  last: Seal | undefined,
  stretch: Stretch & { cluster: string },
): Promise<Seal> {
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

export function countSeal(sealed: Sealed, seal: Seal): void {
  sealed.seals += 1
  sealed.events += countEntries(seal.entries)
}

// Further than any event will happen.
export const endOfTime = '9999-12-31T23:59:59.999999Z'
