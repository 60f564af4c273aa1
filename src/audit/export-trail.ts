import type { Db } from '../database/connection/client.ts'
import { matches, type TrailFilter } from './compare-trail.ts'
import { sealLine, unpackEntries } from './seal-format.ts'
import { listSeals, pageLines, readLines, type SealedLine } from './sealed-events.ts'

type Needs = { db: Db; signal: AbortSignal }

type ExportRequest = {
  filter: TrailFilter
  write: (line: string) => Promise<void>
}

type ExportResult = { events: number; isComplete: boolean }

/**
 * Writes the events that match the filter as JSON lines, in the order of their seals, each seal after its events, then the
 * events without a seal. Every seal is written with all its entries, because a verification could not distinguish an
 * omitted seal from a removed one. The file can be verified without the database.
 */
export async function exportTrail({ db, signal }: Needs, request: ExportRequest): Promise<ExportResult> {
  const isWanted = matches(request.filter)
  const isWhole = Object.values(request.filter).every((part) => part === undefined)
  let events = 0
  let afterTransaction: string | undefined
  await request.write(JSON.stringify({ export: request.filter }))
  for await (const seal of listSeals(db)) {
    if (signal.aborted) return { events, isComplete: false }
    await writeEvents(pageLines(db, { afterTransaction, throughTransaction: seal.afterTransaction }))
    const hasWanted = isWhole || unpackEntries(seal.entries).some(isWanted)
    if (hasWanted) await writeEvents(await readLines(db, seal))
    await request.write(sealLine(seal))
    afterTransaction = seal.throughTransaction
  }
  await writeEvents(pageLines(db, { afterTransaction, throughTransaction: undefined }))
  return { events, isComplete: !signal.aborted }

  async function writeEvents(lines: Iterable<SealedLine> | AsyncIterable<SealedLine>): Promise<void> {
    for await (const { line, entry } of lines) {
      if (!isWanted(entry)) continue
      await request.write(line)
      events += 1
    }
  }
}
