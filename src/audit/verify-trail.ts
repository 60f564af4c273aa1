import { createHash } from 'node:crypto'

import { z } from 'zod'

import type { Db } from '../database/connection/client.ts'
import { countTrailAfter, type Seal } from '../database/audit/trail.ts'
import {
  checkChain,
  checkEnd,
  compareEvents,
  countErased,
  type Heads,
  type TrailFilter,
  type TrailFinding,
  unsealedEvent,
} from './compare-trail.ts'
import {
  type Chained,
  countEntries,
  entryOf,
  type EventEntry,
  type ExportedSeal,
  isNewer,
  linkOf,
  readSealLine,
} from './seal-format.ts'
import { listSeals, pageLines, readLines } from './sealed-events.ts'

type Needs = { db: Db; signal: AbortSignal }

export type VerifyRequest = {
  /** Stored outside of the database. */
  heads: Heads
  onFinding: (finding: TrailFinding) => void
}

export type VerifyResult = {
  seals: number
  /** Sealed events. */
  events: number
  /** Sealed events whose personal fields are erased. */
  erased: number
  /** Events since the last seal, which cannot be verified yet. */
  unsealed: number
  /** Time of the last seal. */
  sealedAt: string | undefined
  /** False after an abort. */
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

/** Compares the whole trail with its seals, and the seals with the stored heads. Reports each difference. */
export async function verifyTrail({ db, signal }: Needs, verification: VerifyRequest): Promise<VerifyResult> {
  const { heads, onFinding } = verification
  const done = { ...nothingVerified }
  let last: Seal | undefined
  for await (const seal of listSeals(db)) {
    if (signal.aborted) return done
    report(checkChain(chained(last), { link: linkOf(seal), hash: seal.hash }, heads))
    const range = { afterTransaction: last?.throughTransaction, throughTransaction: seal.afterTransaction }
    for await (const { entry } of pageLines(db, range)) report([unsealedEvent(entry)])
    const events = (await readLines(db, seal)).map(({ entry }) => entry)
    report(compareEvents(seal, events))
    addSeal(done, seal.sealedAt, countEntries(seal.entries), events)
    last = seal
  }
  report(checkEnd(chained(last), heads))
  const { events: unsealed, futureCount } = await countTrailAfter(db, last?.throughTransaction)
  const detail = `${futureCount} events have numbers of transactions that this database has not started`
  if (futureCount > 0) onFinding({ kind: 'event_added', detail })
  return { ...done, unsealed, isComplete: true }

  function report(findings: TrailFinding[]): void {
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

const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()])
// Printed on a terminal, so that no other text is allowed.
const filterSchema = z.object({
  export: z.object({ firm: z.guid().optional(), from: moment.optional(), to: moment.optional() }),
})

/** Not an export, or an incomplete one. `message` names the line. */
export class InvalidExport extends Error {
  override readonly name = 'InvalidExport'
}

/**
 * Compares the events of an export with its seals, and the seals with the stored heads. It needs only the file. `filter`:
 * the filter that the file claims, which nothing in it can prove.
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
    report(checkChain(last, seal, heads))
    report(checkEvents(seal, pending, filter))
    addSeal(done, seal.link.sealedAt, pending.length, pending)
    last = seal
    pending = []
  }
  if (filter === undefined) throw new InvalidExport('The file is empty.')
  report(checkEnd(last, heads))
  const link = last?.link
  const outside = link === undefined ? [] : pending.filter((event) => !isNewer(event, link))
  report(outside.map(unsealedEvent))
  return { ...done, unsealed: pending.length - outside.length, filter }

  function report(findings: TrailFinding[]): void {
    for (const finding of findings) onFinding(finding)
  }
}

function checkEvents(seal: ExportedSeal, events: EventEntry[], filter: TrailFilter): TrailFinding[] {
  const { link, entries } = seal
  const { number } = link
  if (entries === undefined)
    return [{ kind: 'seal_edited', seal: number, detail: `the entries of seal ${number} were removed` }]
  if (!createHash('sha256').update(entries).digest().equals(link.entriesHash))
    return [{ kind: 'seal_edited', seal: number, detail: `the entries of seal ${number} were changed` }]
  return compareEvents({ number, entries }, events, filter)
}

function parse(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new InvalidExport(`Line ${number} is not JSON: the file is damaged or incomplete.`, { cause: error })
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
  if (!parsed.success) throw new InvalidExport('The first line is not that of an audit export.')
  const { firm, from, to } = parsed.data.export
  return { ...(firm !== undefined && { firm }), ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}
