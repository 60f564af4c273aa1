import type { DisposedDocument } from '../../database/purge/disposals.ts'
import type { PurgeCandidate } from '../../database/purge/trash-retention.ts'
import type { DestroyResult } from '../../documents/purge/destroy-files.ts'
import type { PurgeResult } from '../../documents/purge/purge-trash.ts'
import type { DocumentId } from '../../vocabulary/vocabulary.ts'
import {
  type Amount,
  stoppedResumable,
  formatCount,
  type Printer,
  type Progress,
  showProgress,
} from '../printing/printer.ts'

type Settled = PurgeResult | { document: PurgeCandidate; outcome: 'due' }
type Outcome = Settled['outcome'] | 'purged_before'

/** Reports each document to people and to machines, and a summary. */
export type PurgeReporter = {
  report: (settled: Settled) => void
  /** Starts the second phase, which destroys this number of files of purged documents. */
  beginFiles: (count: number) => void
  reportFile: FileReporter['report']
  /** Reports a named document that does not exist; an earlier run may have purged it. */
  reportUnseen: (id: DocumentId, earlier: DisposedDocument | undefined) => void
  hasSeen: (id: DocumentId) => boolean
  /** Prints the summary. True when the command succeeded. */
  finish: (end: { isComplete: boolean; isDryRun: boolean; isNow: boolean }) => boolean
}

const reasons: Record<Settled['outcome'], string> = {
  purged: 'destroyed',
  due: 'would be destroyed',
  not_in_trash: 'it is not in the trash; delete it first',
  held: 'a legal hold protects it or its firm',
  retained: 'its type retains it',
  needs_approval:
    'it is the firm’s last verified document of a required type; an administrator must approve the purge (PATCH …/disposal)',
  busy: 'a process is storing, moving or quarantining its files; run again',
  not_yet: 'its days in the trash (TRASH_DAYS) are not over; --now and --reason destroy it earlier',
  not_here: 'its row names no disk, and its file is not on this one',
  missing:
    'there is no such document; GET /api/v1/security-firms/{firm_id}/documents?include=deleted lists ids, the table document_disposals those of destroyed documents',
  failed: 'it could not be destroyed; run again',
}

const filesLeftText =
  'files not destroyed yet: %; the running service and the lifecycle of the bucket destroy them, or --now does if nothing protects them'

const inOldBuckets =
  'files in a bucket from before a restore: %; the service cannot reach them, so destroy that bucket with all its versions'

const dayMs = 24 * 60 * 60 * 1000

/** Outcomes that are no failure. Documents that are protected fail the command only when they were named. */
const good = new Set<Outcome>(['purged', 'purged_before', 'due'])
const goodUnnamed = new Set<Outcome>([...good, 'held', 'retained', 'needs_approval', 'not_yet', 'busy', 'missing'])

type PurgeContext = { total: Amount; documentIds: DocumentId[] | undefined; trashDays: number }

/** Runs work that reports each document, with a progress bar. */
export async function withPurgeReporter<Result>(
  print: Printer,
  { total, documentIds, trashDays }: PurgeContext,
  work: (reporter: PurgeReporter) => Promise<Result>,
): Promise<Result> {
  const progress = showProgress(print, total)
  const done = { files: 0, bytes: 0 }
  const seen = new Set<string>()
  const documents: Partial<Record<Outcome, number>> = {}
  const files = createFileReporter(print)
  let isGood = true
  const warn = (line: string) => progress.print(`${print.mark('note')} ${line}`)
  const isFine = documentIds === undefined ? goodUnnamed : good

  const reporter: PurgeReporter = {
    hasSeen: (id) => seen.has(id),
    report(settled) {
      const { document, outcome } = settled
      seen.add(document.documentId)
      documents[outcome] = (documents[outcome] ?? 0) + 1
      isGood &&= isFine.has(outcome)
      done.files += document.files
      done.bytes += document.bytes
      const line = lineOf(settled, trashDays)
      print.json({ event: 'document', ...line })
      if (outcome !== 'purged') warn(`${line.document_id}: ${line.why}`)
      progress.update(done)
    },
    beginFiles(count) {
      progress.end()
      files.begin(count)
    },
    reportFile: files.report,
    reportUnseen(id, earlier) {
      const line = unseenLine(id, earlier)
      documents[line.outcome] = (documents[line.outcome] ?? 0) + 1
      isGood &&= isFine.has(line.outcome)
      print.json({ event: 'document', ...line })
      warn(`${id}: ${line.why}`)
    },
    finish({ isComplete, isDryRun, isNow }) {
      files.end()
      const ok = isGood && files.isGood() && isComplete
      const counts = { documents, files: files.counts }
      print.json({ event: 'finished', ok, dry_run: isDryRun, complete: isComplete, ...counts })
      const mark = print.mark(ok)
      for (const line of linesOfEnd({ ...counts, isComplete, isDryRun, isNow })) progress.print(line.replace('%', mark))
      return ok
    },
  }
  try {
    return await work(reporter)
  } finally {
    progress.end()
    files.end()
  }
}

function lineOf(settled: Settled, trashDays: number) {
  const { document, outcome } = settled
  return {
    firm_id: document.firmId,
    document_id: document.documentId,
    document_type: document.documentType,
    deleted_at: document.deletedAt?.toISOString() ?? null,
    files: document.files,
    bytes: document.bytes,
    outcome,
    why: `${reasons[outcome]}${untilOf(settled, trashDays)}${reasonOf(settled)}`,
  }
}

/** When the protection of a document ends, if that is known. */
function untilOf({ document: { retainedUntil, deletedAt }, outcome }: Settled, trashDays: number): string {
  if (outcome === 'retained') return ` until ${retainedUntil?.toISOString() ?? '?'}`
  if (outcome !== 'not_yet' || deletedAt === null) return ''
  return `; they are over on ${new Date(deletedAt.getTime() + trashDays * dayMs).toISOString()}`
}

function unseenLine(id: DocumentId, earlier: DisposedDocument | undefined) {
  if (earlier === undefined) return { document_id: id, outcome: 'missing', why: reasons.missing } as const
  const { at, filesLeft, filesInOldBuckets } = earlier
  const left = [
    ...(filesLeft > 0 ? [filesLeftText.replace('%', formatCount(filesLeft))] : []),
    ...(filesInOldBuckets > 0 ? [inOldBuckets.replace('%', formatCount(filesInOldBuckets))] : []),
  ]
  const rest = left.length === 0 ? 'nothing is left of it' : left.join('; ')
  const why = `it was destroyed on ${at.toISOString()} (see document_disposals); ${rest}`
  const counts = { files_left: filesLeft, files_in_old_buckets: filesInOldBuckets }
  return { document_id: id, outcome: 'purged_before', why, ...counts } as const
}

type End = {
  documents: Partial<Record<Outcome, number>>
  files: FileReporter['counts']
  isComplete: boolean
  isDryRun: boolean
  isNow: boolean
}

function linesOfEnd({ documents, files, isComplete, isDryRun, isNow }: End): string[] {
  const { purged = 0, due = 0, ...others } = documents
  const stay = Object.entries(others).map(([outcome, count]) => `${formatCount(count)} ${outcome.replaceAll('_', ' ')}`)
  const rest = stay.length === 0 ? '' : `; ${stay.join(', ')}`
  const lines = isDryRun
    ? [`% ${formatCount(due, 'document')} would be destroyed${rest}. Nothing was changed.`]
    : [`% ${formatCount(purged, 'document')} destroyed${rest}.`]
  if (isNow && !isDryRun) lines.push(`${formatCount(files.destroyed ?? 0, 'file')} destroyed permanently.`)
  else if (purged > 0) lines.push('The running service removes their files after one day.')
  if (!isComplete) lines.push(stoppedResumable)
  return lines
}

type FileOutcome = DestroyResult['outcome']

/** Reports each file that is destroyed. */
type FileReporter = {
  begin: (total: number) => void
  report: (settled: DestroyResult) => void
  counts: Partial<Record<FileOutcome, number>>
  /** False when a file stayed that should have been destroyed. */
  isGood: () => boolean
  end: () => void
}

const fileReasons: Record<FileOutcome, string> = {
  destroyed: 'destroyed',
  held: 'its firm has a legal hold since',
  still_named: 'another document, or a row of the platform, uses the same file',
  backup_runs: 'a running backup may need it; run this again after the backup',
  refused: 'S3 denies destroying a version of it: an Object Lock or a bucket policy protects it',
  failed: 'it could not be destroyed; run again',
}

const goodFileOutcomes = new Set<FileOutcome>(['destroyed', 'held'])

function createFileReporter(print: Printer): FileReporter {
  const counts: FileReporter['counts'] = {}
  const done = { files: 0, bytes: 0 }
  let progress: Progress | undefined
  return {
    counts,
    isGood: () => Object.keys(counts).every((outcome) => goodFileOutcomes.has(outcome as FileOutcome)), // nothing else is counted
    begin(total) {
      if (total === 0) return
      print.text(`Destroying ${formatCount(total, 'file')}.`)
      progress = showProgress(print, { files: total, bytes: 0 })
    },
    report(settled) {
      const { file, outcome } = settled
      counts[outcome] = (counts[outcome] ?? 0) + 1
      done.files += 1
      progress?.update(done)
      if (outcome === 'destroyed') return
      const why = `${fileReasons[outcome]}${reasonOf(settled)}`
      print.json({ event: 'file', firm_id: file.firmId, store: file.store, key: file.key, outcome, why })
      const line = `${print.mark('note')} ${file.key}: ${why}`
      if (progress === undefined) print.text(line)
      else progress.print(line)
    },
    end: () => progress?.end(),
  }
}

/** The message of an error, in parentheses. */
function reasonOf(settled: object): string {
  return 'error' in settled && settled.error instanceof Error ? ` (${settled.error.message})` : ''
}
