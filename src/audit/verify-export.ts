import { createHash } from 'node:crypto'

import { z } from 'zod'

import { type Chained, checkChain, checkEnd } from './check-chain.ts'
import { compareEvents, countErased, type TrailFilter } from './compare-events.ts'
import { entryOf, type EventEntry } from './entries.ts'
import { type ExportedSeal, readSealLine } from './seal-line.ts'
import type { TrailFinding } from './trail-finding.ts'
import type { TrailVerification, TrailVerified } from './verify-trail.ts'

const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()])
// It is shown on a terminal, so nothing else may stand in it.
const filterForm = z.object({
  export: z.object({ firm: z.guid().optional(), from: moment.optional(), to: moment.optional() }),
})

/** Not one of our exports, or cut: `message` says which line. */
export class NoExport extends Error {
  override readonly name = 'NoExport'
}

/**
 * Compares an export, line by line, with the seals in it, and those with the heads that were kept outside. It needs nothing
 * but the file, and reads it to its end. `filter`: what the file claims to have, which nothing in it can prove.
 */
export async function verifyExport(
  lines: AsyncIterable<string>,
  { heads, onFinding, onSeal }: TrailVerification,
): Promise<TrailVerified & { filter: TrailFilter }> {
  const done: TrailVerified = {
    seals: 0,
    events: 0,
    erased: 0,
    unsealed: 0,
    sealedAt: undefined,
    isComplete: true,
  }
  let filter: TrailFilter | undefined
  let last: Chained | undefined
  let waiting: EventEntry[] = []
  let number = 0
  for await (const line of lines) {
    number += 1
    const parsed = parse(line, number)
    if (filter === undefined) {
      filter = readFilter(parsed)
      continue
    }
    const seal = readSealLine(parsed)
    if (seal === undefined) {
      waiting.push(entryOfLine(line, number))
      continue
    }
    tell(checkChain(last, seal, heads))
    tell(checkEvents(seal, waiting, filter))
    Object.assign(done, {
      seals: done.seals + 1,
      events: done.events + waiting.length,
      erased: done.erased + countErased(waiting),
      sealedAt: seal.link.sealedAt,
    })
    onSeal(done)
    last = seal
    waiting = []
  }
  if (filter === undefined) throw new NoExport('The file is empty.')
  tell(checkEnd(last, heads))
  return { ...done, unsealed: waiting.length, filter }

  function tell(findings: TrailFinding[]): void {
    for (const finding of findings) onFinding(finding)
  }
}

function checkEvents(seal: ExportedSeal, events: EventEntry[], filter: TrailFilter): TrailFinding[] {
  const { link, entries } = seal
  const { number } = link
  if (entries === undefined)
    return [{ kind: 'seal_edited', seal: number, detail: `what seal ${number} keeps of its events was cut out` }]
  if (!createHash('sha256').update(entries).digest().equals(link.entriesHash))
    return [{ kind: 'seal_edited', seal: number, detail: `what seal ${number} keeps of its events was changed` }]
  return compareEvents({ number, entries }, events, filter)
}

function parse(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new NoExport(`Line ${number} is no JSON: the file is damaged, or was cut.`, { cause: error })
  }
}

function entryOfLine(line: string, number: number): EventEntry {
  try {
    return entryOf(line)
  } catch (error) {
    throw new NoExport(`Line ${number} is neither an event nor a seal.`, { cause: error })
  }
}

function readFilter(line: unknown): TrailFilter {
  const parsed = filterForm.safeParse(line)
  if (!parsed.success) throw new NoExport('The file does not begin as an export of the audit trail does.')
  const { firm, from, to } = parsed.data.export
  return { ...(firm !== undefined && { firm }), ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}
