import { createHash } from 'node:crypto'

import { z } from 'zod'

import type { Db } from '../database/connection/client.ts'
import { countTrail, type Seal, type TrailRange } from '../database/audit/trail.ts'
import {
  type Chained,
  checkChain,
  checkEnd,
  compareEvents,
  countErased,
  type Heads,
  type TrailFilter,
  type TrailFinding,
  unsealedEvent,
} from './compare-trail.ts'
import { countEntries, entryOf, type EventEntry } from './trail-entries.ts'
import { eventsOfSeal, listSeals, unsealedLines } from './sealed-events.ts'
import { type ExportedSeal, linkOf, readSealLine } from './seal-format.ts'
import { addRange, isNewer, rangeAfter } from './seal-ranges.ts'

type Needs = { db: Db; signal: AbortSignal }

export type VerifyRequest = {
  /** Those that were kept outside. */
  heads: Heads
  onFinding: (finding: TrailFinding) => void
}

export type VerifyResult = {
  seals: number
  /** Events that the seals have. */
  events: number
  /** Events of these whose personal fields are erased. */
  erased: number
  /** Events that came since the last seal, which nothing proves yet. */
  unsealed: number
  /** When the last seal was made. */
  sealedAt: string | undefined
  /** False when it was told to end before the end. */
  isComplete: boolean
}

const nothingVerified: VerifyResult = {
  seals: 0,
  events: 0,
  erased: 0,
  unsealed: 0,
  sealedAt: undefined,
  isComplete: false,
}

/** Compares the whole trail with its seals, and those with the heads that were kept outside; tells each difference. */
export async function verifyTrail({ db, signal }: Needs, verification: VerifyRequest): Promise<VerifyResult> {
  const { heads, onFinding } = verification
  const done = { ...nothingVerified }
  const sealed: TrailRange[] = []
  let last: Seal | undefined
  for await (const seal of listSeals(db)) {
    if (signal.aborted) return done
    tell(checkChain(chained(last), { link: linkOf(seal), hash: seal.hash }, heads))
    const events = (await eventsOfSeal(db, seal)).map(({ entry }) => entry)
    tell(compareEvents(seal, events))
    addSeal(done, seal.sealedAt, countEntries(seal.entries), events)
    addRange(sealed, seal)
    last = seal
  }
  tell(checkEnd(chained(last), heads))
  if (last === undefined) return { ...done, isComplete: true }
  const rest = rangeAfter(last)
  const unsealed = await checkUnsealed(db, rest, onFinding)
  for await (const { entry } of unsealedLines({ db, signal }, [...sealed, rest])) tell([unsealedEvent(entry)])
  return { ...done, unsealed, isComplete: !signal.aborted }

  function tell(findings: TrailFinding[]): void {
    for (const finding of findings) onFinding(finding)
  }
}

function addSeal(done: VerifyResult, sealedAt: string, eventCount: number, events: EventEntry[]): void {
  done.seals += 1
  done.events += eventCount
  done.erased += countErased(events)
  done.sealedAt = sealedAt
}

function chained(seal: Seal | undefined): Chained | undefined {
  return seal && { link: linkOf(seal), hash: seal.hash }
}

/** How many events no seal has yet. */
async function checkUnsealed(db: Db, rest: TrailRange, onFinding: (finding: TrailFinding) => void) {
  const { events, unborn } = await countTrail(db, rest)
  const detail = `${unborn} events carry numbers of transactions that this database has not begun`
  if (unborn > 0) onFinding({ kind: 'event_added', detail })
  return events
}

const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()])
// It is shown on a terminal, so nothing else may stand in it.
const filterSchema = z.object({
  export: z.object({ firm: z.guid().optional(), from: moment.optional(), to: moment.optional() }),
})

/** Not one of our exports, or cut: `message` says which line. */
export class InvalidExport extends Error {
  override readonly name = 'InvalidExport'
}

/**
 * Compares an export, line by line, with the seals in it, and those with the heads that were kept outside. It needs nothing
 * but the file, and reads it to its end. `filter`: what the file claims to have, which nothing in it can prove.
 */
export async function verifyExport(
  lines: AsyncIterable<string>,
  { heads, onFinding }: VerifyRequest,
): Promise<VerifyResult & { filter: TrailFilter }> {
  const done = { ...nothingVerified, isComplete: true }
  let filter: TrailFilter | undefined
  let last: Chained | undefined
  let pending: EventEntry[] = []
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
      pending.push(entryOfLine(line, number))
      continue
    }
    tell(checkChain(last, seal, heads))
    tell(checkEvents(seal, pending, filter))
    addSeal(done, seal.link.sealedAt, pending.length, pending)
    last = seal
    pending = []
  }
  if (filter === undefined) throw new InvalidExport('The file is empty.')
  tell(checkEnd(last, heads))
  const link = last?.link
  const outside = link === undefined ? [] : pending.filter((event) => !isNewer(event, link))
  tell(outside.map(unsealedEvent))
  return { ...done, unsealed: pending.length - outside.length, filter }

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
    throw new InvalidExport(`Line ${number} is no JSON: the file is damaged, or was cut.`, { cause: error })
  }
}

function entryOfLine(line: string, number: number): EventEntry {
  try {
    return entryOf(line)
  } catch (error) {
    throw new InvalidExport(`Line ${number} is neither an event nor a seal.`, { cause: error })
  }
}

function readFilter(line: unknown): TrailFilter {
  const parsed = filterSchema.safeParse(line)
  if (!parsed.success) throw new InvalidExport('The file does not begin as an export of the audit trail does.')
  const { firm, from, to } = parsed.data.export
  return { ...(firm !== undefined && { firm }), ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}
