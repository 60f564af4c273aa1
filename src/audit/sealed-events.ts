import type { Db, Tx } from '../database/connection/client.ts'
import {
  findSealsByTimeAfter,
  findLastMoment,
  type LaterSeals,
  readSeals,
  readSealsSince,
  readTrail,
  readTrailNotIn,
  readTrailOutside,
  type Seal,
  type TrailRange,
  type TrailEvent,
} from '../database/audit/trail.ts'
import {
  type Entry,
  entryOf,
  type EventEntry,
  timeAfter,
  timeMark,
  trailLine,
  unpackEntries,
  wholeTrail,
} from './seal-format.ts'

/** A line of the trail with its entry in a seal. */
export type SealedLine = { line: string; entry: EventEntry }

/** The lines of a seal, in its order. For a seal by time: without those in earlier seals. */
export async function eventsOfSeal(
  db: Db | Tx,
  seal: TrailRange & { number: number; sealedAt?: string },
): Promise<SealedLine[]> {
  if (seal.isByTime) return withoutEarlier(db, seal, await linesOfRange(db, seal))
  const moved = await findSealsByTimeAfter(db, seal)
  if (moved === undefined) return linesOfRange(db, seal)
  const { sealedAt = moved.notAfter } = seal
  // A sealing by time that is still running may not have reached this seal's events.
  const notAfter = moved.notAfter > sealedAt ? moved.notAfter : sealedAt
  return withoutLaterByTime(db, { sealedAt, moved }, await linesOfRange(db, { ...seal, notAfter }))
}

/** The lines of a range, in order. */
export async function linesOfRange(db: Db | Tx, range: TrailRange): Promise<SealedLine[]> {
  return linesOf(await readTrail(db, range))
}

function linesOf(events: TrailEvent[]): SealedLine[] {
  return events.map(trailLine).map((line) => ({ line, entry: entryOf(line) }))
}

const pageEvents = 2000

/**
 * The lines in none of these ranges, which cover all seals and the rest after the last one: somebody added the events with
 * a number or a time that no seal covers, or their seal is missing. Ends early after an abort.
 */
export async function* unsealedLines(
  { db, signal }: { db: Db; signal: AbortSignal },
  ranges: TrailRange[],
): AsyncGenerator<SealedLine> {
  yield* linesOf(await readTrailNotIn(db, wholeTrail))
  for (let rest = wholeTrail; !signal.aborted;) {
    const end = await findLastMoment(db, rest, pageEvents)
    yield* linesOf(await readTrailOutside(db, { ...rest, notAfter: end ?? rest.notAfter }, ranges))
    if (end === undefined) return
    rest = timeAfter(end)
  }
}

async function withoutEarlier(db: Db | Tx, seal: { number: number; notBefore: string }, lines: SealedLine[]) {
  if (lines.length === 0) return lines
  // An event is sealed after it happened.
  const earlier = await readSealsSince(db, seal.notBefore, seal.number)
  const known = new Set(earlier.flatMap(keysOf))
  return lines.filter(({ entry }) => !known.has(keyOf(entry)))
}

/** After a move to another cluster, transactions reuse numbers. Their events are in the seals by time of that moment. */
async function withoutLaterByTime(
  db: Db | Tx,
  { sealedAt, moved }: { sealedAt: string; moved: LaterSeals },
  lines: SealedLine[],
): Promise<SealedLine[]> {
  const sealed = timeMark(sealedAt)
  if (lines.every(({ entry }) => entry.time <= sealed)) return lines
  const later = await readSeals(db, moved.fromNumber, moved.throughNumber - moved.fromNumber + 1)
  const known = new Set(later.flatMap(keysOf))
  return lines.filter(({ entry }) => !known.has(keyOf(entry)))
}

function keysOf({ entries }: Seal): string[] {
  return unpackEntries(entries).map(keyOf)
}

/** The table accepts an id twice, with two times: the second one is not the sealed event. */
function keyOf({ id, time }: Entry): string {
  return id + time
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
