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
import { formatCount, type Printer } from '../printing/printer.ts'
import { type HeadsRead, readHeads, requireFile } from './read-heads.ts'

type Needs = { print: Printer; heads: HeadStore | undefined; signal?: AbortSignal }

const maxShown = 20
const maxListed = 100

/** `audit verify` on the database. Throws `CommandFailed`, after saying why, unless the trail is as it was sealed. */
export async function verifyAudit(
  needs: Needs & { db: Db; signal: AbortSignal },
  options: VerifyAuditOptions,
): Promise<void> {
  const { db, print, signal } = needs
  const heads = await readHeads(needs, options)
  const telling = tellingOf(print)
  const verified = await verifyTrail({ db, signal }, { heads: heads.heads ?? new Map(), ...telling })
  await recordEvent(db, systemActor(randomUUID()), {
    action: 'audit.verified',
    outcome: outcomeOf(verified, heads, telling),
    details: {
      complete: verified.isComplete,
      heads_gone: heads.areGone,
      seals: verified.seals,
      events: verified.events,
      erased: verified.erased,
      findings: telling.counts,
    },
  })
  answer(print, { verified, ...heads, telling, whenAltered: trailAltered })
}

/** `audit verify --export`: needs the file alone. */
export async function verifyAuditExport(
  { print, ...needs }: Needs,
  path: string,
  options: VerifyAuditOptions,
): Promise<void> {
  await requireFile(path)
  const heads = await readHeads(needs, options)
  const telling = tellingOf(print)
  try {
    const verified = await verifyExport(readLines(path), { heads: heads.heads ?? new Map(), ...telling })
    const { filter } = verified
    answer(print, { verified, filter, ...heads, telling, whenAltered: exportAltered })
  } catch (error) {
    if (error instanceof InvalidExport) throw new WrongUse(`${path}: ${error.message} ${asExported}`)
    throw error
  }
}

const asExported =
  'Name a file as `audit export` wrote it, in the format jsonl; if it was cut or changed on its way, copy it or export it again.'
type Telling = Pick<VerifyRequest, 'onFinding'> & {
  counts: Record<string, number>
  first: TrailFinding[]
  count: () => number
}

/** Names the first differences as they come, and keeps a hundred for machines: of a history that was written anew that is enough. */
function tellingOf(print: Printer): Telling {
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

type Answer = HeadsRead & {
  verified: VerifyResult
  /** What a file claims to have; undefined of the database, which has all. */
  filter?: TrailFilter
  telling: Telling
  /** What to do then. */
  whenAltered: string
}

/** The worst of it, in one word of the trail. */
function outcomeOf({ isComplete }: VerifyResult, { areGone }: HeadsRead, telling: Telling): string {
  if (telling.count() > 0) return 'altered'
  if (areGone) return 'heads_gone'
  return isComplete ? 'ok' : 'incomplete'
}

function answer(print: Printer, result: Answer): void {
  const { verified, filter, heads, areGone, telling, whenAltered } = result
  const { seals, events, erased, unsealed, sealedAt = null, isComplete } = verified
  const isRight = isAllRight(result)
  print.json({
    ok: isRight,
    complete: isComplete,
    seals,
    events,
    erased,
    unsealed,
    sealed_at: sealedAt,
    heads: heads?.size ?? null,
    heads_gone: areGone,
    ...(filter && claimOf(filter)),
    left: telling.counts,
    findings: telling.first,
  })
  explain(print, result)
  const mark = print.mark(isRight)
  print.text(`${mark} ${formatCount(events, 'event')} under ${formatCount(seals, 'seal')}: ${howItIs(result)}.`)
  if (telling.count() > 0) print.text(whenAltered)
  if (!isRight) throw new CommandFailed()
}

function isAllRight({ verified, filter, areGone, telling }: Answer): boolean {
  // Of a database the seals may be still to come; a file has those of its moment.
  const isUnproved = filter !== undefined && verified.seals === 0
  return telling.count() === 0 && verified.isComplete && !areGone && !isUnproved
}

function howItIs({ verified, telling, areGone }: Answer): string {
  if (telling.count() > 0) return formatCount(telling.count(), 'difference')
  if (verified.seals === 0) return 'nothing is sealed, so nothing of it is proved'
  return areGone ? 'all as they were sealed, but the heads are gone' : 'all as they were sealed'
}

function explain(print: Printer, { verified, filter, note, telling }: Answer): void {
  const { erased, unsealed, sealedAt, isComplete } = verified
  const warn = (line: string) => print.text(`${print.mark('note')} ${line}`)
  if (telling.count() > maxShown) print.text(`… and ${formatCount(telling.count() - maxShown)} more.`)
  if (filter) print.text(`The file claims to have ${describeClaim(filter)}: compare that with what you asked for.`)
  if (note !== undefined) warn(note)
  if (erased > 0)
    print.text(
      `Personal fields erased: ${formatCount(erased, 'event')}. The rest of these events is as sealed or named above.`,
    )
  if (unsealed > 0 && sealedAt !== undefined)
    warn(`Newer than the last seal (${sealedAt}), which says nothing of that: ${formatCount(unsealed, 'event')}.`)
  if (unsealed > 0 && sealedAt === undefined)
    warn(`No seal is there, so anybody could have written it: ${formatCount(unsealed, 'event')}.`)
  if (!isComplete) warn('It was ended before the end, so this says nothing of the rest. Run it again.')
}

const page = 'docs/runbook.md, “Altered audit trail”'
const trailAltered = `Change nothing, and keep a copy of the database and of the heads as they are now; then go on as ${page} says.`
const exportAltered = `Get the file again from whoever exported it, or export it again. If \`audit verify\` finds the same in the database, it was altered there: ${page}.`

/** For machines: what an export claims to have of the trail, part by part, and in the words that people get. */
export function claimOf(filter: TrailFilter) {
  const { firm = null, from = null, to = null } = filter
  return { filter: { firm, from, to }, claims: describeClaim(filter) }
}

/** What an export claims to have: nothing in the file proves that it was asked for. */
export function describeClaim({ firm, from, to }: TrailFilter): string {
  if (firm === undefined && from === undefined && to === undefined) return 'every event of the trail'
  const times = [from && `from ${from} on`, to && `before ${to}`].filter((part) => part !== undefined).join(' and ')
  return ['the events', firm && `of firm ${firm}`, times].filter(Boolean).join(' ')
}

/** The lines of a text file. */
function readLines(path: string): AsyncGenerator<string> {
  // With an encoding it yields text; the type of a stream cannot say so.
  return splitLines(createReadStream(path, 'utf8') as AsyncIterable<string>)
}
