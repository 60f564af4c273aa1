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
} from '../../documents/verifying/plan-verification.ts'
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
  /** How long to wait for S3 before its files stay unchecked. */
  patienceMs?: number
}

const defaultPatienceMs = 60_000

/** `verify`. Prints the findings, and throws `CommandFailed` if there are any. */
export async function verifyDocuments(needs: Needs, options: VerifyOptions): Promise<void> {
  const { print, patienceMs = defaultPatienceMs } = needs
  const report = await openReport(options.report, 'w')
  const plan = await planVerification(needs, options.sample ?? 1)
  const action = options.read ? 'Reading' : 'Looking for'
  const where = needs.stores.s3 === undefined ? 'here' : 'here and on S3'
  print.text(`${action} ${formatCount(plan.total.files, 'file')}, ${formatBytes(plan.total.bytes)}, ${where}.`)
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
    printVerified(print, options, verified, findings)
    const advice = adviseOnFindings(verified.findings, options.repair === true)
    for (const line of [...(await adviseOnRun(needs, verified)), ...advice]) print.text(line)
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

// With --json the command prints one object only.
function progressFor(print: Printer, total: Amount): Progress {
  if (!print.isJson) return showProgress(print, total)
  return { update: () => undefined, print: () => undefined, end: () => undefined }
}

function printVerified(print: Printer, options: VerifyOptions, verified: Verified, findings: FindingsPrinter): void {
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
  if (hashed > 0) print.text(`Added missing hashes to the rows: ${formatCount(hashed, 'file')}.`)
  if (notHere > 0) print.text(`On other disks, or in a store that is not configured: ${formatCount(notHere, 'file')}.`)
  if (isRight && isAllElsewhere(verified))
    return print.text(`${print.mark('note')} No file was checked here. Files in other places were not checked.`)
  const mark = print.mark(isRight)
  print.text(`${mark} ${formatCount(files, 'file')}, ${formatBytes(bytes)}${describeCounts(left, isComplete)}.`)
}

function isAllElsewhere({ files, notHere }: Verified): boolean {
  return files === 0 && notHere > 0
}

async function adviseOnRun({ db, stores: { s3 } }: VerifyNeeds, verified: Verified): Promise<string[]> {
  const { isComplete, findings } = verified
  const lines = isComplete ? [] : [stoppedIncomplete]
  if (isAllElsewhere(verified)) {
    if (s3 === undefined && (await hasVersionsIn(db, 's3'))) lines.push(s3Advice)
    lines.push(diskAdvice)
  }
  if (findings.unchecked > 0)
    lines.push(
      s3?.outage() === undefined
        ? 'The unchecked files may be corrupt. Run this again.'
        : 'The unchecked files may be corrupt. Find the cause with ./bin/paniq-docs s3 test, and run this again.',
    )
  return lines
}

function describeCounts(left: Record<string, number>, isComplete: boolean): string {
  const found = Object.entries(left).filter(([, count]) => count > 0)
  if (found.length === 0) return isComplete ? ': no problem found' : ': no problem so far'
  return `: ${found.map(([kind, count]) => `${formatCount(count)} ${kind.replaceAll('_', ' ')}`).join(', ')}`
}

const s3Advice =
  'To check files on S3, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or USE_S3_STORAGE=true where a role or a profile has the credentials.'
const diskAdvice = 'To check files on another disk, set UPLOADS_DIR to that folder, with its hidden .store-id.'

const maxShown = 20
const maxListed = 100

type Line = ReturnType<typeof lineOf>

type FindingsPrinter = {
  print(finding: Finding): void
  /** For machines: the count of each kind, and its first findings. */
  summary(): Record<FindingKind, { count: number; first: Line[] }>
  /** Prints how many findings of each kind were not shown. */
  printRest(): void
}

const isGood: Record<FindingKind, boolean> = {
  missing: false,
  wrong: false,
  unchecked: false,
  late_fallback: false,
  orphan: false,
  orphan_upload: false,
  restored: true,
  quarantined: true,
  finished: true,
  aborted: true,
}

/** Prints the first findings of each kind, and collects a hundred of each kind for machines. */
function createFindingsPrinter(print: Printer, printLine: (line: string) => void, now: Date): FindingsPrinter {
  const found = new Map<FindingKind, { count: number; first: Line[] }>(
    findingKinds.map((kind) => [kind, { count: 0, first: [] }]),
  )
  const of = (kind: FindingKind) => found.get(kind) ?? { count: 0, first: [] }
  return {
    print(finding) {
      const { kind } = finding
      const counted = of(kind)
      counted.count += 1
      if (counted.first.length < maxListed) counted.first.push(lineOf(finding))
      if (counted.count > maxShown) return
      const mark = print.mark(isGood[kind])
      printLine(`${mark} ${kind.replaceAll('_', ' ')}: ${describe(finding, now)}`)
    },
    // Its keys are those of the list.
    summary: () => Object.fromEntries(found) as ReturnType<FindingsPrinter['summary']>,
    printRest() {
      for (const kind of findingKinds) {
        const rest = of(kind).count - maxShown
        if (rest > 0)
          printLine(`… and ${formatCount(rest)} more ${kind.replaceAll('_', ' ')}; --report FILE has them all.`)
      }
    },
  }
}

/** A finding for machines. */
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

/** Advice for each kind of problem among the findings. */
export function adviseOnFindings(
  { missing, wrong, orphan, orphan_upload: uploads, late_fallback: late }: Verified['findings'],
  repairs: boolean,
): string[] {
  const lines: string[] = []
  if (missing + wrong > 0)
    lines.push(
      'Downloads of missing and corrupt files return 410. docs/runbook/missing-or-corrupt.md says where copies may exist.',
    )
  if (late > 0)
    lines.push(
      'Files that still wait for S3: `drain` moves them. docs/runbook/fallback-files-remain.md lists the causes.',
    )
  if (orphan + uploads > 0)
    lines.push(
      repairs
        ? 'The remaining orphaned files and uploads are younger than a day, or the line above says why they stay: docs/runbook/verification-findings.md.'
        : 'Orphaned files and uploads: if this is the right database, --repair quarantines those older than a day and deletes no file: docs/runbook/verification-findings.md.',
    )
  return lines
}
