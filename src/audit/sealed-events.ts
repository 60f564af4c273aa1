import type { Db, Tx } from '../database/client.ts'
import {
  findGatheringAfter,
  type LaterGathering,
  readSeals,
  readSealsSince,
  readTrail,
  type Seal,
  type Stretch,
} from '../database/trail.ts'
import { entryOf, type EventEntry, timeMark, trailLine, unpackEntries } from './trail-entries.ts'

/** A line of the trail, and what a seal keeps of it. */
export type SealedLine = { line: string; entry: EventEntry }

/** The lines that belong to a seal, in its order; of a time that was gathered, those which no earlier seal has. */
export async function eventsOfSeal(
  db: Db | Tx,
  seal: Stretch & { number: number; sealedAt?: string },
): Promise<SealedLine[]> {
  if (seal.isGathered) return withoutEarlier(db, seal, await linesOfStretch(db, seal))
  const moved = await findGatheringAfter(db, seal)
  if (moved === undefined) return linesOfStretch(db, seal)
  const { sealedAt = moved.notAfter } = seal
  // One that is under way may not have come as far as this seal's own events yet.
  const notAfter = moved.notAfter > sealedAt ? moved.notAfter : sealedAt
  return withoutGathered(db, { sealedAt, moved }, await linesOfStretch(db, { ...seal, notAfter }))
}

/** The lines of a stretch, in order. */
export async function linesOfStretch(db: Db | Tx, stretch: Stretch): Promise<SealedLine[]> {
  const events = await readTrail(db, stretch)
  return events.map(trailLine).map((line) => ({ line, entry: entryOf(line) }))
}

async function withoutEarlier(db: Db | Tx, seal: { number: number; notBefore: string }, lines: SealedLine[]) {
  if (lines.length === 0) return lines
  // An event is sealed after it happened.
  const earlier = await readSealsSince(db, seal.notBefore, seal.number)
  const known = new Set(earlier.flatMap(idsOf))
  return lines.filter(({ entry }) => !known.has(entry.id))
}

/** After a move transactions have numbers that others had before it; what they wrote is in the seals that were gathered then. */
async function withoutGathered(
  db: Db | Tx,
  { sealedAt, moved }: { sealedAt: string; moved: LaterGathering },
  lines: SealedLine[],
): Promise<SealedLine[]> {
  const sealed = timeMark(sealedAt)
  if (lines.every(({ entry }) => entry.time <= sealed)) return lines
  const gathered = await readSeals(db, moved.fromNumber, moved.throughNumber - moved.fromNumber + 1)
  const known = new Set(gathered.flatMap(idsOf))
  return lines.filter(({ entry }) => !known.has(entry.id))
}

function idsOf({ entries }: Seal): string[] {
  return unpackEntries(entries).map(({ id }) => id)
}

const sealsAtOnce = 20

/** All seals, oldest first. */
export async function* everySeal(db: Db): AsyncGenerator<Seal> {
  for (let next = 1; ;) {
    const seals = await readSeals(db, next, sealsAtOnce)
    yield* seals
    const last = seals.at(-1)
    if (last === undefined) return
    next = last.number + 1
  }
}
