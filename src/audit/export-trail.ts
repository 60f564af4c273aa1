import type { Db } from '../database/connection/client.ts'
import type { TrailRange } from '../database/audit/trail.ts'
import { matches, type TrailFilter } from './compare-trail.ts'
import { unpackEntries } from './trail-entries.ts'
import { eventsOfSeal, listSeals, linesOfRange, unsealedLines, type SealedLine } from './sealed-events.ts'
import { sealLine } from './seal-format.ts'
import { addRange, rangeAfter, wholeTrail } from './seal-ranges.ts'

type Needs = { db: Db; signal: AbortSignal }

export type ExportRequest = {
  filter: TrailFilter
  write: (line: string) => Promise<void>
}

export type ExportResult = { events: number; isComplete: boolean }

/**
 * Writes the events that the filter lets through as JSON lines, in the order of their seals, each seal after its events;
 * what has no seal yet comes last, and what belongs to none behind that. Every seal is written, with what it keeps of all its events: one that was left out
 * could not be told from one that was cut out. Whoever has the file can verify it without the database.
 */
export async function exportTrail({ db, signal }: Needs, request: ExportRequest): Promise<ExportResult> {
  const isWanted = matches(request.filter)
  const isWhole = Object.values(request.filter).every((part) => part === undefined)
  let events = 0
  let rest = wholeTrail
  const sealed: TrailRange[] = []
  await request.write(JSON.stringify({ export: request.filter }))
  for await (const seal of listSeals(db)) {
    if (signal.aborted) return { events, isComplete: false }
    rest = rangeAfter(seal)
    addRange(sealed, seal)
    const hasWanted = isWhole || unpackEntries(seal.entries).some(isWanted)
    if (hasWanted) await writeEvents(await eventsOfSeal(db, seal))
    await request.write(sealLine(seal))
  }
  await writeEvents(await linesOfRange(db, rest))
  for await (const line of unsealedLines({ db, signal }, [...sealed, rest])) await writeEvents([line])
  return { events, isComplete: !signal.aborted }

  async function writeEvents(lines: SealedLine[]): Promise<void> {
    for (const { line, entry } of lines) {
      if (!isWanted(entry)) continue
      await request.write(line)
      events += 1
    }
  }
}
