import type { Logger } from 'pino'

import type { OpenedBackup } from '../../backup/open-backup.ts'
import { RetriesExhausted, type WaitTimes, defaultWaitTimes } from '../../backup/retrying-store.ts'
import {
  type VerifyResult,
  type BackupProblem,
  type ProblemKind,
  verifyBackup as verify,
} from '../../backup/verify-backup.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import type { ConfigWithoutTokens } from '../../config/load-config.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { VerifyBackupOptions } from './backup-commands.ts'
import { warnRowsOnly } from './create-backup.ts'
import { CommandFailed, explainGaveUp } from '../printing/explain-failure.ts'
import { openBackupStore, openChosenBackup } from './open-backup-store.ts'
import { stoppedIncomplete, formatBytes, formatCount, type Printer, showProgress } from '../printing/printer.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; print: Printer; signal: AbortSignal; patience?: WaitTimes }

/** `backup verify`. Prints the problems, and throws `CommandFailed` if there are any. */
export async function verifyBackup(needs: Needs, where: PathOrBucket, options: VerifyBackupOptions): Promise<void> {
  const { print, signal, patience = defaultWaitTimes } = needs
  const store = await openBackupStore(needs, where, {
    makes: false,
    policy: options.repair === true ? 'backup-verify-repair' : 'backup-verify',
  })
  try {
    const opened = await untilAborted(openChosenBackup(print, store, options, 'newest'), signal)
    const { files, backup } = opened.manifest
    const progress = showProgress(print, { files: files.count, bytes: backup.rows_only ? 0 : files.bytes })
    const kinds: Record<ProblemKind, number> = { backup: 0, missing: 0, damaged: 0, aside: 0 }
    const checked = await verify(store, opened, {
      concurrency: options.concurrency,
      signal,
      ...patience,
      repairs: options.repair === true,
      onProblem(problem) {
        kinds[problem.kind] += 1
        print.json({
          event: 'problem',
          kind: problem.kind,
          file: problem.file,
          why: problem.why,
          ...documentFields(problem),
        })
        progress.print(`${print.mark(false)} ${problem.file}: ${problem.why}${describeDocument(problem)}`)
      },
      onFile: (done) => progress.update(done),
    }).finally(() => progress.end())
    printResult(print, opened, checked)
    for (const line of adviseOnDamage(kinds)) print.text(line)
    if (checked.problems > 0 || !checked.isComplete) throw new CommandFailed()
  } catch (error) {
    throw error instanceof RetriesExhausted ? explainGaveUp(error, 'the verification starts over') : error
  } finally {
    store.close()
  }
}

function documentFields({ line }: BackupProblem) {
  return line && { firm_id: line.firm_id, document_id: line.document_id, version: line.version }
}

function describeDocument({ line }: BackupProblem): string {
  return line === undefined ? '' : ` (document ${line.document_id} version ${line.version ?? '?'})`
}

function printResult(print: Printer, { name, manifest, signature }: OpenedBackup, checked: VerifyResult): void {
  const { rows, files, bytes, notIncluded, problems, isComplete } = checked
  const isRight = problems === 0 && isComplete
  const { lacking } = manifest.files
  print.json({
    event: 'finished',
    ok: isRight,
    complete: isComplete,
    backup: name,
    taken_at: manifest.backup.taken_at,
    rows_only: manifest.backup.rows_only,
    signature,
    rows,
    files,
    bytes,
    files_not_included: notIncluded,
    lacking,
    problems,
  })
  if (signature === 'none')
    print.text(
      `${print.mark('note')} The backup is not signed: anybody who can write there could have changed it unnoticed.`,
    )
  if (signature === 'unchecked')
    print.text(`${print.mark('note')} The backup is signed. Check the signature with --public-key FILE.`)
  warnRowsOnly(print, manifest)
  if (lacking > 0)
    print.text(
      `${print.mark('note')} The backup lacks ${formatCount(lacking, 'file')} that could not be read when it was created.`,
    )
  const mark = print.mark(isRight)
  const verdict = problems === 0 ? describeNoProblem(isComplete) : formatCount(problems, 'problem')
  print.text(
    `${mark} ${name}: ${formatCount(rows, 'row')}, ${formatCount(files, 'file')}, ${formatBytes(bytes)}: ${verdict}.`,
  )
  if (!isComplete) print.text(stoppedIncomplete)
}

function describeNoProblem(isComplete: boolean): string {
  return isComplete ? 'unchanged' : 'no problem so far'
}

/** What to do about the problems of a backup, a line for each kind. */
function adviseOnDamage({ backup, missing, damaged, aside }: Record<ProblemKind, number>): string[] {
  const again = '`backup create` copies them again if the store still has them'
  const lines: string[] = []
  if (backup > 0)
    lines.push('Damaged rows or lists cannot be repaired: create another backup, or use another copy of this one.')
  if (damaged > 0)
    lines.push(`Damaged files: --repair sets them aside; then ${again}. See docs/runbook/backup-incomplete.md.`)
  if (aside > 0)
    lines.push(
      `Set aside, as ….damaged: ${formatCount(aside, 'file')}. The next ${again}: run it now, because until then no backup here has them. See docs/runbook/backup-incomplete.md.`,
    )
  if (missing > 0) lines.push(`Missing files: ${again}. See docs/runbook/backup-incomplete.md.`)
  return lines
}
