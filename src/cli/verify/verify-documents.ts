import { randomUUID } from 'node:crypto'

import { systemActor } from '../../database/audit/events.ts'
import { hasVersionsIn } from '../../database/documents/versions-in-store.ts'
import {
  type Finding,
  type FindingKind,
  findingKinds,
  countUnresolved,
  planVerification,
  type Verification,
  type Verified,
  type VerifyNeeds,
} from '../../documents/verifying/verification.ts'
import { verify } from '../../documents/verifying/verify.ts'
import type { VerifyOptions } from './verify-command.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import {
  type Amount,
  stoppedIncomplete,
  formatBytes,
  formatCount,
  type Printer,
  type Progress,
  showProgress,
  createWaitingPrinter,
} from '../printing/printer.ts'
import { openReport } from '../printing/write-report.ts'

type Needs = VerifyNeeds & {
  print: Printer
  signal: AbortSignal
  /** How long S3 may be away before what lies there is left unchecked. */
  patienceMs?: number
}

const defaultPatienceMs = 60_000

/** `verify`. Throws `CommandFailed`, after saying why, unless all is right. */
export async function verifyDocuments(needs: Needs, options: VerifyOptions): Promise<void> {
  const { print, patienceMs = defaultPatienceMs } = needs
  const report = await openReport(options.report, 'w')
  const plan = await planVerification(needs, options.sample ?? 1)
  const what = options.read ? 'to be read' : 'to be looked for'
  print.text(`${formatCount(plan.total.files, 'file')}, ${formatBytes(plan.total.bytes)}, ${what} here and on S3.`)
  const progress = progressFor(print, plan.total)
  const findings = createFindingsPrinter(print, (line) => progress.print(line), needs.now())

  const verification: Verification = {
    plan,
    reads: options.read,
    repairs: repairsOf(options),
    concurrency: options.concurrency,
    patienceMs,
    signal: needs.signal,
    onFinding(finding) {
      report.write({ at: needs.now().toISOString(), ...lineOf(finding) })
      findings.print(finding)
    },
    onChecked: (done) => progress.update(done),
    onWaiting: createWaitingPrinter((line) => progress.print(line), patienceMs),
  }
  try {
    const verified = await verify(needs, systemActor(randomUUID()), verification)
    progress.end()
    answer(print, options, verified, findings)
    const advice = adviseOnFindings(verified.findings, options.repair === true)
    for (const line of [...(await whatToDo(needs, verified)), ...advice]) print.text(line)
    if (!verified.isRight) throw new CommandFailed()
  } finally {
    progress.end()
    await report.close()
  }
}

function repairsOf({ repair, many }: VerifyOptions): 'nothing' | 'few' | 'many' {
  if (repair !== true) return 'nothing'
  return many === true ? 'many' : 'few'
}

// Machines are promised one object.
function progressFor(print: Printer, total: Amount): Progress {
  if (!print.isJson) return showProgress(print, total)
  return { update: () => undefined, print: () => undefined, end: () => undefined }
}

function answer(print: Printer, options: VerifyOptions, verified: Verified, findings: FindingsPrinter): void {
  const { files, bytes, notHere, hashed, notes, isComplete, isRight } = verified
  const left = countUnresolved(verified.findings)
  print.json({
    ok: isRight,
    complete: isComplete,
    share: options.sample ?? 1,
    read: options.read,
    files,
    bytes,
    not_here: notHere,
    hashed,
    left,
    findings: findings.summary(),
    notes,
  })
  findings.printRest()
  for (const note of notes) print.text(`${print.mark('note')} ${note}`)
  if (hashed > 0) print.text(`The platform gave no hash for ${formatCount(hashed, 'file')}; now the rows have it.`)
  if (notHere > 0)
    print.text(`Not here, but on other disks or in a store that is not set up: ${formatCount(notHere, 'file')}.`)
  if (isRight && isAllElsewhere(verified))
    return print.text(`${print.mark('note')} Nothing was looked at here, and this says nothing of what lies elsewhere.`)
  const mark = print.mark(isRight)
  print.text(`${mark} ${formatCount(files, 'file')}, ${formatBytes(bytes)}${describeCounts(left, isComplete)}.`)
}

function isAllElsewhere({ files, notHere }: Verified): boolean {
  return files === 0 && notHere > 0
}

async function whatToDo({ db, stores: { s3 } }: VerifyNeeds, verified: Verified): Promise<string[]> {
  const { isComplete, findings } = verified
  const lines = isComplete ? [] : [stoppedIncomplete]
  if (isAllElsewhere(verified)) {
    if (s3 === undefined && (await hasVersionsIn(db, 's3'))) lines.push(howS3IsSet)
    lines.push(whereDisksAre)
  }
  if (findings.unchecked > 0)
    lines.push(
      s3?.outage() === undefined
        ? 'What is unchecked may be right or not. Run this again.'
        : 'What is unchecked may be right or not. See what ./bin/paniq-docs s3 test says, and run this again.',
    )
  return lines
}

function describeCounts(left: Record<string, number>, isComplete: boolean): string {
  const found = Object.entries(left).filter(([, count]) => count > 0)
  if (found.length === 0) return isComplete ? ': all is right' : ': nothing wrong so far'
  return `: ${found.map(([kind, count]) => `${formatCount(count)} ${kind.replaceAll('_', ' ')}`).join(', ')}`
}

const howS3IsSet =
  'What lies on S3 is looked at once AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, or USE_S3_STORAGE=true where a role or a profile gives them.'
const whereDisksAre =
  'What lies on another disk is looked at where UPLOADS_DIR names that folder, with its hidden .store-id.'

const maxShown = 20
const maxListed = 100

type Line = ReturnType<typeof lineOf>

type FindingsPrinter = {
  print(finding: Finding): void
  /** All counts, and the first of each kind by name, for machines. */
  summary(): Record<FindingKind, { count: number; first: Line[] }>
  /** Says how many of each kind were not shown. */
  printRest(): void
}

const isGood: Record<FindingKind, boolean> = {
  missing: false,
  wrong: false,
  unchecked: false,
  late_fallback: false,
  stray: false,
  stray_upload: false,
  restored: true,
  quarantined: true,
  finished: true,
  aborted: true,
}

/** Names findings to people as they come, a few of each kind, and keeps a hundred of each for machines: of a million that is enough. */
function createFindingsPrinter(print: Printer, say: (line: string) => void, now: Date): FindingsPrinter {
  const told = new Map<FindingKind, { count: number; first: Line[] }>(
    findingKinds.map((kind) => [kind, { count: 0, first: [] }]),
  )
  const of = (kind: FindingKind) => told.get(kind) ?? { count: 0, first: [] }
  return {
    print(finding) {
      const { kind } = finding
      const sofar = of(kind)
      sofar.count += 1
      if (sofar.first.length < maxListed) sofar.first.push(lineOf(finding))
      if (sofar.count > maxShown) return
      const mark = print.mark(isGood[kind])
      say(`${mark} ${kind.replaceAll('_', ' ')}: ${describe(finding, now)}`)
    },
    // Its keys are those of the list.
    summary: () => Object.fromEntries(told) as ReturnType<FindingsPrinter['summary']>,
    printRest() {
      for (const kind of findingKinds) {
        const rest = of(kind).count - maxShown
        if (rest > 0) say(`… and ${formatCount(rest)} more ${kind.replaceAll('_', ' ')}; --report FILE has them all.`)
      }
    },
  }
}

/** One finding for machines. */
export function lineOf({ kind, store, storeId, key, bytes, document, since, why }: Finding) {
  return {
    kind,
    store,
    store_id: storeId,
    key,
    ...(bytes !== undefined && { bytes }),
    ...(document && { firm_id: document.firmId, document_id: document.documentId, version: document.version }),
    ...(since && { since: since.toISOString() }),
    why,
  }
}

function describe({ store, storeId, key, bytes, document, since, why }: Finding, now: Date): string {
  const whose = document && `document ${document.documentId} version ${document.version} of firm ${document.firmId}, `
  const where = store === 's3' ? 'on S3' : `on disk ${storeId ?? 'unknown'}`
  const size = document === undefined && bytes !== undefined ? `, ${formatBytes(bytes)}` : ''
  const age = since === undefined ? '' : `, ${formatAge(now.getTime() - since.getTime())} old`
  return `${whose ?? ''}${key === null ? '' : `${key} `}${where}${size}${age}: ${why}`
}

function formatAge(ms: number): string {
  const hours = ms / 3_600_000
  if (hours < 1) return `${Math.max(0, Math.round(hours * 60))} min`
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`
}

/** What to do about what a verification left, a line for each kind of trouble. */
export function adviseOnFindings(
  { missing, wrong, stray, stray_upload: uploads, late_fallback: late }: Verified['findings'],
  repairs: boolean,
): string[] {
  const lines: string[] = []
  if (missing + wrong > 0)
    lines.push(
      'What is missing or wrong answers 410 until it is right again: docs/runbook/bytes-lost.md says where it may still be had.',
    )
  if (late > 0)
    lines.push('What has waited for S3 for long: `drain` moves it; docs/runbook/fallback-stays.md says what keeps it.')
  if (stray + uploads > 0)
    lines.push(
      repairs
        ? 'Strays that are left are younger than a day, or stay for a reason that was said: docs/runbook/findings.md.'
        : 'Strays: if this is the right database, --repair puts those that are older than a day aside, and deletes no file: docs/runbook/findings.md.',
    )
  return lines
}
