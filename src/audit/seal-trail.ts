import { findLastSeal, findLastTransaction, findPosition, insertSeal, type Seal } from '../database/audit/trail.ts'
import type { Db } from '../database/connection/client.ts'
import { countEntries, hashLink, linkOf, noHash, packEntries } from './seal-format.ts'
import { readLines } from './sealed-events.ts'

/** Maximum of events in one seal. */
const defaultSealEvents = 2000

type SealResult = { seals: number; events: number }

/** Seals all final events that have no seal. Writers of events do not wait. After an abort the next run continues. */
export async function sealTrail(
  { db, signal }: { db: Db; signal?: AbortSignal },
  maxEvents = defaultSealEvents,
): Promise<SealResult> {
  const sealed: SealResult = { seals: 0, events: 0 }
  const { finalTransaction, now: sealedAt } = await findPosition(db)
  let last = await findLastSeal(db)
  for (;;) {
    const afterTransaction = last?.throughTransaction ?? '0'
    const unsealed = { afterTransaction, throughTransaction: finalTransaction }
    const throughTransaction = await findLastTransaction(db, unsealed, maxEvents)
    if (throughTransaction === undefined || signal?.aborted === true) return sealed
    const seal = await makeSeal(db, last, { sealedAt, afterTransaction, throughTransaction })
    // False: another worker was first.
    if (!(await insertSeal(db, seal))) return sealed
    sealed.seals += 1
    sealed.events += countEntries(seal.entries)
    last = seal
  }
}

type SealedRange = Pick<Seal, 'sealedAt' | 'afterTransaction' | 'throughTransaction'>

/** Makes the seal of a range, chained to the last one. */
async function makeSeal(db: Db, last: Seal | undefined, range: SealedRange): Promise<Seal> {
  const lines = await readLines(db, range)
  const seal = {
    ...range,
    number: (last?.number ?? 0) + 1,
    entries: packEntries(lines.map(({ entry }) => entry)),
    previousHash: last?.hash ?? noHash,
  }
  return { ...seal, hash: hashLink(linkOf(seal)) }
}
