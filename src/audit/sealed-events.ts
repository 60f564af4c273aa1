import { findLastTransaction, readSeals, readTrail, type Seal, type TrailRange } from '../database/audit/trail.ts'
import type { Db } from '../database/connection/client.ts'
import { entryOf, type EventEntry, trailLine } from './seal-format.ts'

/** A line of the trail with its entry in a seal. */
export type SealedLine = { line: string; entry: EventEntry }

/** The lines of a range, such as that of a seal, in order. */
export async function readLines(db: Db, range: TrailRange): Promise<SealedLine[]> {
  return (await readTrail(db, range)).map(trailLine).map((line) => ({ line, entry: entryOf(line) }))
}

const pageEvents = 2000

/** The lines of a range that may be long. Between two seals that follow each other there are none, unless one was added. */
export async function* pageLines(db: Db, range: TrailRange): AsyncGenerator<SealedLine> {
  let { afterTransaction } = range
  while (afterTransaction === undefined || afterTransaction !== range.throughTransaction) {
    const throughTransaction = await findLastTransaction(db, { ...range, afterTransaction }, pageEvents)
    if (throughTransaction === undefined) return
    yield* await readLines(db, { afterTransaction, throughTransaction })
    afterTransaction = throughTransaction
  }
}

const pageSeals = 20

/** All seals, oldest first. */
export async function* listSeals(db: Db): AsyncGenerator<Seal> {
  for (let next = 1; ;) {
    const seals = await readSeals(db, next, pageSeals)
    yield* seals
    const last = seals.at(-1)
    if (last === undefined) return
    next = last.number + 1
  }
}
