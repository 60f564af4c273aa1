import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'

import type { TrailFilter, TrailFinding } from '../../audit/compare-trail.ts'
import type { HeadStore } from '../../audit/seal-heads.ts'
import {
  InvalidExport,
  type VerifyRequest,
  type VerifyResult,
  verifyExport,
  verifyTrail,
} from '../../audit/verify-trail.ts'
import type { Db } from '../../database/connection/client.ts'
import { recordEvent, systemActor } from '../../database/audit/events.ts'
import { splitLines } from '../../files/file-system.ts'
import type { VerifyAuditOptions } from './audit-commands.ts'
import { CommandFailed, WrongUse } from '../printing/explain-failure.ts'
import { formatCount, type Printer, stoppedIncomplete } from '../printing/printer.ts'
import { type HeadsRead, readHeads, requireFile } from './read-heads.ts'

type Needs = { print: Printer; heads: HeadStore | undefined; signal?: AbortSignal }

const maxShown = 20
const maxListed = 100

/** `audit verify` on the database. Prints the differences from the seals, and throws `CommandFailed` if there are any. */
export async function verifyAudit(
  needs: Needs & { db: Db; signal: AbortSignal },
  options: VerifyAuditOptions,
): Promise<void> {
  const { db, print, signal } = needs
  const heads = await readHeads(needs, options)
  const collector = createCollector(print)
  const verified = await verifyTrail({ db, signal }, { heads: heads.heads ?? new Map(), ...collector })
  await recordEvent(db, systemActor(randomUUID()), {
    action: 'audit.verified',
    outcome: outcomeOf(verified, heads, collector),
    details: {
      complete: verified.isComplete,
      heads_gone: heads.areGone,
      seals: verified.seals,
      events: verified.events,
      erased: verified.erased,
      findings: collector.counts,
    },
  })
  printResult(print, { verified, ...heads, collector, advice: trailAdvice })
}

/** `audit verify --export`: needs only the file. */
export async function verifyAuditExport(
  { print, ...needs }: Needs,
  path: string,
  options: VerifyAuditOptions,
): Promise<void> {
  await requireFile(path)
  const heads = await readHeads(needs, options)
  const collector = createCollector(print)
  try {
    const verified = await verifyExport(readLines(path), { heads: heads.heads ?? new Map(), ...collector })
    const { filter } = verified
    printResult(print, { verified, filter, ...heads, collector, advice: exportAdvice })
  } catch (error) {
    if (error instanceof InvalidExport) throw new WrongUse(`${path}: ${error.message} ${fileAdvice}`)
    throw error
  }
}

const fileAdvice =
  'Name a file that `audit export` wrote in the format jsonl. If it was truncated or changed on the way, copy or export it again.'
type FindingCollector = Pick<VerifyRequest, 'onFinding'> & {
  counts: Record<string, number>
  first: TrailFinding[]
  count: () => number
}

/** Prints the first differences, and collects a hundred for machines: enough even for a trail that was rewritten. */
function createCollector(print: Printer): FindingCollector {
  const first: TrailFinding[] = []
  const counts: Record<string, number> = {}
  let count = 0
  return {
    first,
    counts,
    count: () => count,
    onFinding(finding) {
      count += 1
      counts[finding.kind] = (counts[finding.kind] ?? 0) + 1
      if (count <= maxListed) first.push(finding)
      if (count > maxShown) return
      print.text(`${print.mark(false)} ${finding.kind.replaceAll('_', ' ')}: ${finding.detail}`)
    },
  }
}

type Result = HeadsRead & {
  verified: VerifyResult
  /** The claim of a file; undefined for the database, which has everything. */
  filter?: TrailFilter
  collector: FindingCollector
  /** What to do about the differences. */
  advice: string
}

/** The most serious result, as the outcome of the event. */
function outcomeOf({ isComplete }: VerifyResult, { areGone }: HeadsRead, collector: FindingCollector): string {
  if (collector.count() > 0) return 'altered'
  if (areGone) return 'heads_gone'
  return isComplete ? 'ok' : 'incomplete'
}

function printResult(print: Printer, result: Result): void {
  const { verified, filter, heads, areGone, collector, advice } = result
  const { seals, events, erased, unsealed, sealedAt = null, isComplete } = verified
  const isOk = isProved(result)
  print.json({
    ok: isOk,
    complete: isComplete,
    seals,
    events,
    erased,
    unsealed,
    sealed_at: sealedAt,
    heads: heads?.size ?? null,
    heads_gone: areGone,
    ...(filter && claimOf(filter)),
    left: collector.counts,
    findings: collector.first,
  })
  printDetails(print, result)
  const mark = print.mark(isOk && verified.seals === 0 ? 'note' : isOk)
  print.text(`${mark} ${formatCount(events, 'event')} under ${formatCount(seals, 'seal')}: ${describeVerdict(result)}.`)
  if (collector.count() > 0) print.text(advice)
  if (!isOk) throw new CommandFailed()
}

function isProved({ verified, filter, areGone, collector }: Result): boolean {
  // A database gets its seals later. A file gets no more.
  const isUnproved = filter !== undefined && verified.seals === 0
  return collector.count() === 0 && verified.isComplete && !areGone && !isUnproved
}

function describeVerdict({ verified, collector, areGone }: Result): string {
  if (collector.count() > 0) return formatCount(collector.count(), 'difference')
  if (verified.seals === 0) return 'nothing is sealed, so nothing is proved'
  return areGone ? 'unchanged since they were sealed, but the heads are missing' : 'unchanged since they were sealed'
}

function printDetails(print: Printer, { verified, filter, note, collector }: Result): void {
  const { erased, unsealed, sealedAt, isComplete } = verified
  const warn = (line: string) => print.text(`${print.mark('note')} ${line}`)
  if (collector.count() > maxShown) print.text(`… and ${formatCount(collector.count() - maxShown)} more.`)
  if (filter) print.text(`The file claims to contain ${describeClaim(filter)}. Check that this is what you asked for.`)
  if (note !== undefined) warn(note)
  if (erased > 0)
    print.text(
      `Personal fields erased: ${formatCount(erased, 'event')}. Everything else in these events is unchanged or named above.`,
    )
  if (unsealed > 0) warn(describeUnsealed({ unsealed, sealedAt }, filter))
  if (!isComplete) warn(stoppedIncomplete)
}

function describeUnsealed({ unsealed, sealedAt }: Pick<VerifyResult, 'unsealed' | 'sealedAt'>, filter?: TrailFilter) {
  const state =
    sealedAt === undefined
      ? 'Without any seal, so anybody could have written them'
      : `Newer than the last seal (${sealedAt}), and not proved yet`
  return `${state}: ${formatCount(unsealed, 'event')}. ${filter === undefined ? sealingAdvice : laterExportAdvice}`
}

const sealingAdvice =
  'A running service (`serve` or `work`) seals new events every five minutes. Run `audit verify` again after that; if this number keeps growing, the service does not run or cannot seal.'
const laterExportAdvice = 'A later export has their seals.'
const runbookPage = 'docs/runbook.md, “Altered audit trail”'
const trailAdvice = `Change nothing. Copy the database and the heads as they are now, then follow ${runbookPage}.`
const exportAdvice = `Get the file again, or export it again. If \`audit verify\` finds the same differences in the database, the trail was altered there: follow ${runbookPage}.`

/** For machines: the claim of an export, as fields and as the text for people. */
export function claimOf(filter: TrailFilter) {
  const { firm = null, from = null, to = null } = filter
  return { filter: { firm, from, to }, claims: describeClaim(filter) }
}

/** The claim of an export. Nothing in the file proves that somebody asked for exactly these events. */
export function describeClaim({ firm, from, to }: TrailFilter): string {
  if (firm === undefined && from === undefined && to === undefined) return 'every event of the trail'
  const times = [from && `from ${from} on`, to && `before ${to}`].filter((part) => part !== undefined).join(' and ')
  return ['the events', firm && `of firm ${firm}`, times].filter(Boolean).join(' ')
}

/** The lines of a text file. */
function readLines(path: string): AsyncGenerator<string> {
  // With an encoding it yields text; the type of a stream does not show that.
  return splitLines(createReadStream(path, 'utf8') as AsyncIterable<string>)
}
