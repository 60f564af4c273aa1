import { randomUUID } from 'node:crypto'

import { systemActor } from '../database/events.ts'
import {
  leftOf,
  planVerification,
  type Verification,
  type Verified,
  type VerifyNeeds,
} from '../documents/verifying/verification.ts'
import { verify } from '../documents/verifying/verify.ts'
import type { Stores } from '../documents/stores.ts'
import type { VerifyOptions } from './add-verify.ts'
import { adviseOnFindings } from './advise-on-findings.ts'
import { CommandFailed } from './failures.ts'
import type { Printer } from './printer.ts'
import { type Amount, inBytes, inCount, type Progress, showProgress } from './progress.ts'
import { endedUnread } from './tell-end.ts'
import { type FindingsTold, lineOf, tellingOfFindings } from './tell-findings.ts'
import { tellingOfWaiting } from './tell-waiting.ts'
import { openReport } from './write-report.ts'

type Needs = VerifyNeeds & {
  print: Printer
  signal: AbortSignal
  /** How long S3 may be away before what lies there is left unchecked. */
  patienceMs?: number
}

const usualPatienceMs = 60_000

/** `verify`. Throws `CommandFailed`, after saying why, unless all is right. */
export async function verifyDocuments(needs: Needs, options: VerifyOptions): Promise<void> {
  const { print, patienceMs = usualPatienceMs } = needs
  const report = await openReport(options.report, 'w')
  const plan = await planVerification(needs, options.sample ?? 1)
  const what = options.read ? 'to be read' : 'to be looked for'
  print.say(`${inCount(plan.total.files, 'file')}, ${inBytes(plan.total.bytes)}, ${what} here and on S3.`)
  const progress = progressFor(print, plan.total)
  const findings = tellingOfFindings(print, (line) => progress.say(line), needs.now())

  const verification: Verification = {
    plan,
    reads: options.read,
    repairs: repairsOf(options),
    concurrency: options.concurrency,
    patienceMs,
    signal: needs.signal,
    onFinding(finding) {
      report.write({ at: needs.now().toISOString(), ...lineOf(finding) })
      findings.tell(finding)
    },
    onChecked: (done) => progress.update(done),
    onWaiting: tellingOfWaiting((line) => progress.say(line), patienceMs),
  }
  try {
    const verified = await verify(needs, systemActor(randomUUID()), verification)
    progress.end()
    answer(print, options, verified, findings)
    const advice = adviseOnFindings(verified.findings, options.repair === true)
    for (const line of [...whatToDo(verified, needs.stores), ...advice]) print.say(line)
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
  return { update: () => undefined, say: () => undefined, end: () => undefined }
}

function answer(print: Printer, options: VerifyOptions, verified: Verified, findings: FindingsTold): void {
  const { files, bytes, notHere, hashed, notes, isComplete, isRight } = verified
  const left = leftOf(verified.findings)
  print.answer({
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
  findings.sayRest()
  for (const note of notes) print.say(`${print.paint('yellow', '!')} ${note}`)
  if (hashed > 0) print.say(`The platform gave no hash for ${inCount(hashed, 'file')}; now the rows have it.`)
  if (notHere > 0)
    print.say(`Not here, but on other disks or in a store that is not set up: ${inCount(notHere, 'file')}.`)
  if (isRight && isAllElsewhere(verified))
    return print.say(
      `${print.paint('yellow', '!')} Nothing was looked at here, and this says nothing of what lies elsewhere.`,
    )
  const mark = isRight ? print.paint('green', '✓') : print.paint('red', '✗')
  print.say(`${mark} ${inCount(files, 'file')}, ${inBytes(bytes)}${inWords(left, isComplete)}.`)
}

function isAllElsewhere({ files, notHere }: Verified): boolean {
  return files === 0 && notHere > 0
}

function whatToDo(verified: Verified, { s3 }: Stores): string[] {
  const { isComplete, findings } = verified
  const lines = isComplete ? [] : [endedUnread]
  if (isAllElsewhere(verified)) lines.push(...(s3 === undefined ? [howS3IsSet] : []), whereDisksAre)
  if (findings.unchecked > 0)
    lines.push(
      s3?.outage() === undefined
        ? 'What is unchecked may be right or not. Run this again.'
        : 'What is unchecked may be right or not. See what ./bin/paniq-docs s3 test says, and run this again.',
    )
  return lines
}

function inWords(left: Record<string, number>, isComplete: boolean): string {
  const found = Object.entries(left).filter(([, count]) => count > 0)
  if (found.length === 0) return isComplete ? ': all is right' : ': nothing wrong so far'
  return `: ${found.map(([kind, count]) => `${inCount(count)} ${kind.replaceAll('_', ' ')}`).join(', ')}`
}

const howS3IsSet =
  'What lies on S3 is looked at once AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, or USE_S3_STORAGE=true where a role or a profile gives them.'
const whereDisksAre = 'What lies on another disk is looked at where UPLOADS_DIR names that.'
