import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import type { MoveOutcome } from '../../documents/moving/move-version.ts'
import { hasCode } from '../../errors/app-error.ts'
import { type Amount, type Printer, showProgress } from '../printing/printer.ts'
import { openReport } from '../printing/write-report.ts'
import type { DryRunOutcome } from '../../documents/moving/migrate-files.ts'

export type Outcome = MoveOutcome | DryRunOutcome | 'failed'

type Result = { version: StoredVersion; outcome: Outcome; error?: unknown }

/** Reports each document to people, to machines and to the report file. */
export type MoveReporter = {
  report: (result: Result) => void
  print: (line: string) => void
}

const reasons: Record<Outcome, string> = {
  moved: 'moved, read back, and its hash verified',
  ready: 'present, readable, and of the right length',
  busy: 'another process moves or changed it; run again',
  missing: 'its file is missing',
  not_here: 'its row names no disk, and its file is not on this one',
  wrong: 'its hash differs from that of the stored file',
  unreadable: 'its file cannot be read',
  failed: 'it could not be moved; run again',
}

const good = new Set<Outcome>(['moved', 'ready'])

/**
 * Runs work that reports each document, with a progress bar. It appends to an existing report: a run that was killed and
 * repeated leaves one report.
 */
export async function withMoveReporter<Returned>(
  print: Printer,
  { total, reportFile }: { total: Amount; reportFile: string | undefined },
  work: (reporter: MoveReporter) => Promise<Returned>,
): Promise<Returned> {
  const file = await openReport(reportFile, 'a')
  const progress = showProgress(print, total)
  const done = { files: 0, bytes: 0 }
  const report: MoveReporter['report'] = (result) => {
    done.files += 1
    done.bytes += result.version.fileSize
    const line = lineOf(result)
    file.write(line)
    if (!good.has(result.outcome)) {
      print.json({ event: 'document', ...line })
      progress.print(`${print.mark('note')} ${line.document_id} version ${line.version}: ${line.why}`)
    }
    progress.update(done)
  }
  try {
    return await work({ report, print: (line) => progress.print(line) })
  } finally {
    progress.end()
    await file.close()
  }
}

function lineOf({ version: moved, outcome, error }: Result) {
  const { firmId, documentId, version, key, fileSize } = moved
  return {
    at: new Date().toISOString(),
    firm_id: firmId,
    document_id: documentId,
    version,
    from_key: key,
    bytes: fileSize,
    outcome,
    why: describeOutcome(moved, outcome, error),
  }
}

/** Why a document was not moved, and what to do. */
export function describeOutcome({ store }: Pick<StoredVersion, 'store'>, outcome: Outcome, error: unknown): string {
  const reason = error instanceof Error ? ` (${error.message})` : ''
  if (error instanceof Error && hasCode(error.cause, 'EACCES', 'EPERM')) {
    const letIn = store === 'local' ? 'read its file and the folders above it' : 'write to the local disk'
    const what = outcome === 'failed' ? 'it could not be moved' : reasons[outcome]
    return `${what}; let this user ${letIn}, and run again${reason}`
  }
  return `${reasons[outcome]}${reason}`
}
