import { randomUUID } from 'node:crypto'
import { access, constants, stat } from 'node:fs/promises'

import type { Heads } from '../audit/check-chain.ts'
import type { HeadKeeper } from '../audit/head-keeper.ts'
import { keepHeadsInFile } from '../audit/keep-heads-in-file.ts'
import type { TrailFinding } from '../audit/trail-finding.ts'
import { NoExport, verifyExport } from '../audit/verify-export.ts'
import { type TrailVerification, type TrailVerified, verifyTrail } from '../audit/verify-trail.ts'
import type { Db } from '../database/client.ts'
import { recordEvent, systemActor } from '../database/events.ts'
import { AppError } from '../errors.ts'
import { untilAborted } from '../storage/read-as-it-grows.ts'
import type { VerifyAuditOptions } from './add-audit.ts'
import { CommandFailed, WrongUse } from './failures.ts'
import type { Printer } from './printer.ts'
import { inCount } from './progress.ts'
import { readLines } from './read-lines.ts'

type Needs = { print: Printer; heads: HeadKeeper | undefined; signal?: AbortSignal }

const mostShown = 20
const mostListed = 100

/** `audit verify` on the database. Throws `CommandFailed`, after saying why, unless the trail is as it was sealed. */
export async function verifyAudit(
  needs: Needs & { db: Db; signal: AbortSignal },
  options: VerifyAuditOptions,
): Promise<void> {
  const { db, print, signal } = needs
  const heads = await readHeads(needs, options)
  const telling = tellingOf(print)
  const verified = await verifyTrail({ db, signal }, { heads: heads ?? new Map(), ...telling })
  await recordEvent(db, systemActor(randomUUID()), {
    action: 'audit.verified',
    outcome: telling.count() === 0 ? 'ok' : 'altered',
    details: { seals: verified.seals, events: verified.events, findings: telling.counts },
  })
  answer(print, { verified, heads, telling, whenAltered: trailAltered })
}

/** `audit verify --export`: needs the file alone. */
export async function verifyAuditExport(
  { print, ...needs }: Needs,
  path: string,
  options: VerifyAuditOptions,
): Promise<void> {
  await requireFile(path)
  const heads = await readHeads({ print, ...needs }, options)
  const telling = tellingOf(print)
  try {
    const verified = await verifyExport(readLines(path), { heads: heads ?? new Map(), ...telling })
    answer(print, { verified, heads, telling, whenAltered: exportAltered })
  } catch (error) {
    if (error instanceof NoExport) throw new WrongUse(`${path}: ${error.message} ${asExported}`)
    throw error
  }
}

/** Undefined: nobody keeps any. */
async function readHeads({ heads: keeper, signal }: Needs, options: VerifyAuditOptions): Promise<Heads | undefined> {
  const { heads: file } = options
  if (file !== undefined) await requireFile(file)
  const asked = file === undefined ? keeper : keepHeadsInFile(file)
  const reading = asked?.read() ?? Promise.resolve(undefined)
  const heads = await untilAborted(reading, signal).catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    const why = error instanceof Error ? error.message : 'no reason given'
    if (file !== undefined) throw new WrongUse(`The heads cannot be read from ${file}: ${why}. ${ofHeads}`)
    const says = `The heads cannot be read from where AUDIT_HEADS says: ${why}. ${ofSetting}`
    throw new AppError('store_unavailable', says, { cause: error })
  })
  if (file !== undefined && heads?.size === 0) throw new WrongUse(`There is no head in ${file}. ${ofHeads}`)
  return heads
}

async function requireFile(path: string): Promise<void> {
  const isFile = await access(path, constants.R_OK).then(
    async () => !(await stat(path)).isDirectory(),
    () => false,
  )
  if (!isFile) throw new WrongUse(`There is no file ${path} that can be read.`)
}

const asExported =
  'Name a file as `audit export` wrote it, in the format jsonl; if it was cut or changed on its way, copy it or export it again.'
const ofHeads = 'Name a file that AUDIT_HEADS kept, or a copy of one.'
const ofSetting =
  'Look whether it can be reached, and correct AUDIT_HEADS or the credentials; or name a copy of them with --heads.'

type Telling = Pick<TrailVerification, 'onFinding' | 'onSeal'> & {
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
      if (count <= mostListed) first.push(finding)
      if (count > mostShown) return
      print.say(`${print.paint('red', '✗')} ${finding.kind.replaceAll('_', ' ')}: ${finding.detail}`)
    },
    onSeal: () => undefined,
  }
}

type Answer = {
  verified: TrailVerified
  heads: Heads | undefined
  telling: Telling
  /** What to do then. */ whenAltered: string
}

function answer(print: Printer, result: Answer): void {
  const { verified, heads, telling, whenAltered } = result
  const { seals, events, unsealed, sealedAt = null, isComplete } = verified
  const isRight = telling.count() === 0 && isComplete
  print.answer({
    ok: isRight,
    complete: isComplete,
    seals,
    events,
    unsealed,
    sealed_at: sealedAt,
    heads: heads?.size ?? null,
    left: telling.counts,
    findings: telling.first,
  })
  explain(print, result)
  const mark = isRight ? print.paint('green', '✓') : print.paint('red', '✗')
  const how = telling.count() === 0 ? 'all as they were sealed' : inCount(telling.count(), 'difference')
  print.say(`${mark} ${inCount(events, 'event')} under ${inCount(seals, 'seal')}: ${how}.`)
  if (telling.count() > 0) print.say(whenAltered)
  if (!isRight) throw new CommandFailed()
}

function explain(print: Printer, { verified, heads, telling }: Answer): void {
  const { unsealed, sealedAt, isComplete } = verified
  const warn = (line: string) => print.say(`${print.paint('yellow', '!')} ${line}`)
  if (telling.count() > mostShown) print.say(`… and ${inCount(telling.count() - mostShown)} more.`)
  if (heads === undefined) warn(withoutHeads)
  if (heads?.size === 0) warn('No head is kept yet; the first one is within the hour.')
  if (unsealed > 0)
    warn(`Newer than the last seal (${sealedAt}), which says nothing of that: ${inCount(unsealed, 'event')}.`)
  if (!isComplete) warn('It was ended before the end, so this says nothing of the rest. Run it again.')
}

const page = 'docs/runbook.md, “The audit trail was altered”'
const trailAltered = `Change nothing, and keep a copy of the database and of the heads as they are now; then go on as ${page} says.`
const exportAltered = `Get the file again from whoever exported it, or export it again. If \`audit verify\` finds the same in the database, it was altered there: ${page}.`

const withoutHeads =
  'No heads were compared, so a history that was cut off, or sealed anew, would not show: set AUDIT_HEADS, or give --heads.'
