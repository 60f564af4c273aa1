import type { Db } from '../database/connection/client.ts'
import type { Stretch } from '../database/audit/trail.ts'
import { isMeant, type TrailFilter } from './compare-trail.ts'
import { unpackEntries } from './trail-entries.ts'
import { eventsOfSeal, everySeal, linesOfStretch, linesOutside, type SealedLine } from './sealed-events.ts'
import { sealLine } from './seal-format.ts'
import { addStretch, stretchAfter, wholeTrail } from './seal-ranges.ts'

type Needs = { db: Db; signal: AbortSignal }

export type TrailExport = {
  filter: TrailFilter
  write: (line: string) => Promise<void>
}

export type TrailExported = { events: number; isComplete: boolean }

/**
 * Writes the events that the filter lets through as JSON lines, in the order of their seals, each seal after its events;
 * what has no seal yet comes last, and what belongs to none behind that. Every seal is written, with what it keeps of all its events: one that was left out
 * could not be told from one that was cut out. Whoever has the file can verify it without the database.
 */
export async function exportTrail({ db, signal }: Needs, wish: TrailExport): Promise<TrailExported> {
  const isWanted = isMeant(wish.filter)
  const isWhole = Object.values(wish.filter).every((part) => part === undefined)
  let events = 0
  let rest = wholeTrail
  const sealed: Stretch[] = []
  await wish.write(JSON.stringify({ export: wish.filter }))
  for await (const seal of everySeal(db)) {
    if (signal.aborted) return { events, isComplete: false }
    rest = stretchAfter(seal)
    addStretch(sealed, seal)
    const hasWanted = isWhole || unpackEntries(seal.entries).some(isWanted)
    if (hasWanted) await writeEvents(await eventsOfSeal(db, seal))
    await wish.write(sealLine(seal))
  }
  await writeEvents(await linesOfStretch(db, rest))
  for await (const line of linesOutside({ db, signal }, [...sealed, rest])) await writeEvents([line])
  return { events, isComplete: !signal.aborted }

  async function writeEvents(lines: SealedLine[]): Promise<void> {
    for (const { line, entry } of lines) {
      if (!isWanted(entry)) continue
      await wish.write(line)
      events += 1
    }
  }
}
