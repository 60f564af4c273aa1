import type { Db } from '../database/client.ts'
import type { Seal } from '../database/trail.ts'
import { isMeant, type TrailFilter } from './compare-trail.ts'
import { unpackEntries } from './trail-entries.ts'
import { eventsOfSeal, everySeal, linesOfStretch, type SealedLine } from './sealed-events.ts'
import { stretchAfter, wholeTrail } from './seal-trail.ts'
import { sealLine } from './seal-form.ts'

type Needs = { db: Db; signal: AbortSignal }

export type TrailExport = {
  filter: TrailFilter
  write: (line: string) => Promise<void>
}

export type TrailExported = { events: number; isComplete: boolean }

/**
 * Writes the events that the filter lets through as JSON lines, in the order of their seals, each seal after its events;
 * what has no seal yet comes last. Every seal is written, with what it keeps of all its events: one that was left out
 * could not be told from one that was cut out. Whoever has the file can verify it without the database.
 */
export async function exportTrail({ db, signal }: Needs, wish: TrailExport): Promise<TrailExported> {
  const isWanted = isMeant(wish.filter)
  const isWhole = Object.values(wish.filter).every((part) => part === undefined)
  let events = 0
  let last: Seal | undefined
  await wish.write(JSON.stringify({ export: wish.filter }))
  for await (const seal of everySeal(db)) {
    if (signal.aborted) return { events, isComplete: false }
    last = seal
    const hasWanted = isWhole || unpackEntries(seal.entries).some(isWanted)
    if (hasWanted) await writeEvents(await eventsOfSeal(db, seal))
    await wish.write(sealLine(seal))
  }
  await writeEvents(await linesOfStretch(db, last === undefined ? wholeTrail : stretchAfter(last)))
  return { events, isComplete: true }

  async function writeEvents(lines: SealedLine[]): Promise<void> {
    for (const { line, entry } of lines) {
      if (!isWanted(entry)) continue
      await wish.write(line)
      events += 1
    }
  }
}
