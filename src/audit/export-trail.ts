import type { Db } from '../database/connection/client.ts'
import type { TrailRange } from '../database/audit/trail.ts'
import { matches, type TrailFilter } from './compare-trail.ts'
import { addRange, rangeAfter, sealLine, unpackEntries, wholeTrail } from './seal-format.ts'
import { eventsOfSeal, listSeals, linesOfRange, unsealedLines, type SealedLine } from './sealed-events.ts'

type Needs = { db: Db; signal: AbortSignal }

export type ExportRequest = {
  filter: TrailFilter
  write: (line: string) => Promise<void>
}

export type ExportResult = { events: number; isComplete: boolean }

/**
 * Writes the events that match the filter as JSON lines, in the order of their seals, each seal after its events, then the
 * events without a seal. Every seal is written with all its entries, because a verification could not distinguish an
 * omitted seal from a removed one. The file can be verified without the database.
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
