import type { DisposedDocument } from '../../database/purge/disposals.ts'
import type { PurgeCandidate } from '../../database/purge/purge-candidates.ts'
import type { DestroyResult } from '../../documents/purge/destroy-files.ts'
import type { PurgeResult } from '../../documents/purge/purge-trash.ts'
import { trashEndsAt } from '../../documents/trash/trash-retention.ts'
import type { DocumentId } from '../../vocabulary/vocabulary.ts'
import { type Amount, stoppedResumable, formatCount, type Printer, showProgress } from '../printing/printer.ts'

type Settled = PurgeResult | { document: PurgeCandidate; outcome: 'due' }
type Outcome = Settled['outcome'] | 'purged_before'

/** Reports each document to people and to machines, and a summary. */
export type PurgeReporter = {
  report: (settled: Settled) => void
  /** Starts the second phase, which destroys this number of files of purged documents. */
  beginFiles: (count: number) => void
  reportFile: (settled: DestroyResult) => void
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

type FileOutcome = DestroyResult['outcome']

const fileReasons: Record<FileOutcome, string> = {
  destroyed: 'destroyed',
  held: 'its firm has a legal hold since',
  still_named: 'another document, or a row of the platform, uses the same file',
  backup_runs: 'a running backup may need it; run this again after the backup',
  refused: 'S3 denies destroying a version of it: an Object Lock or a bucket policy protects it',
  failed: 'it could not be destroyed; run again',
}

/**
 * Outcomes that are no failure. Documents that are protected, and those that somebody restores during the run, fail the
 * command only when they were named.
 */
const goodNamed = new Set<Outcome>(['purged', 'purged_before', 'due'])
const goodUnnamed = new Set<Outcome>([
  ...goodNamed,
  'not_in_trash',
  'held',
  'retained',
  'needs_approval',
  'not_yet',
  'busy',
  'missing',
])
const goodFiles = new Set<FileOutcome>(['destroyed', 'held'])

type PurgeContext = { total: Amount; documentIds: DocumentId[] | undefined; trashDays: number }

/** Runs work that reports each document, with a progress bar. */
export async function withPurgeReporter<Result>(
  print: Printer,
  { total, documentIds, trashDays }: PurgeContext,
  work: (reporter: PurgeReporter) => Promise<Result>,
): Promise<Result> {
  const seen = new Set<string>()
  const documents = createPhase(print, { total, good: documentIds === undefined ? goodUnnamed : goodNamed })
  let files = createPhase(print, { total: { files: 0, bytes: 0 }, good: goodFiles })

  const reporter: PurgeReporter = {
    hasSeen: (id) => seen.has(id),
    report(settled) {
      const { document, outcome } = settled
      seen.add(document.documentId)
      const line = lineOf(settled, trashDays)
      print.json({ event: 'document', ...line })
      documents.settle(outcome, document, outcome === 'purged' ? undefined : `${line.document_id}: ${line.why}`)
    },
    beginFiles(count) {
      documents.end()
      if (count > 0) print.text(`Destroying ${formatCount(count, 'file')}.`)
      files = createPhase(print, { total: { files: count, bytes: 0 }, good: goodFiles })
    },
    reportFile(settled) {
      const { file, outcome } = settled
      const why = `${fileReasons[outcome]}${reasonOf(settled)}`
      const isDestroyed = outcome === 'destroyed'
      if (!isDestroyed)
        print.json({ event: 'file', firm_id: file.firmId, store: file.store, key: file.key, outcome, why })
      files.settle(outcome, { files: 1, bytes: 0 }, isDestroyed ? undefined : `${file.key}: ${why}`)
    },
    reportUnseen(id, earlier) {
      const line = unseenLine(id, earlier)
      print.json({ event: 'document', ...line })
      documents.settle(line.outcome, { files: 0, bytes: 0 }, `${id}: ${line.why}`)
    },
    finish({ isComplete, isDryRun, isNow }) {
      files.end()
      const ok = documents.isGood() && files.isGood() && isComplete
      const counts = { documents: documents.counts, files: files.counts }
      print.json({ event: 'finished', ok, dry_run: isDryRun, complete: isComplete, ...counts })
      const mark = print.mark(ok)
      for (const line of summarize({ ...counts, isComplete, isDryRun, isNow })) print.text(line.replace('%', mark))
      return ok
    },
  }
  try {
    return await work(reporter)
  } finally {
    documents.end()
    files.end()
  }
}

/** Counts the outcomes of one phase, with a progress bar. */
function createPhase<Each extends string>(print: Printer, { total, good }: { total: Amount; good: Set<Each> }) {
  const progress = showProgress(print, total)
  const counts: Partial<Record<Each, number>> = {}
  const done = { files: 0, bytes: 0 }
  return {
    counts,
    isGood: () => Object.keys(counts).every((outcome) => good.has(outcome as Each)), // nothing else is counted
    /** `note`: a line for people. */
    settle(outcome: Each, { files, bytes }: Amount, note: string | undefined) {
      counts[outcome] = (counts[outcome] ?? 0) + 1
      done.files += files
      done.bytes += bytes
      if (note !== undefined) progress.print(`${print.mark('note')} ${note}`)
      progress.update(done)
    },
    end: () => progress.end(),
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
  return `; they are over on ${trashEndsAt(deletedAt, trashDays).toISOString()}`
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
  files: Partial<Record<FileOutcome, number>>
  isComplete: boolean
  isDryRun: boolean
  isNow: boolean
}

function summarize({ documents, files, isComplete, isDryRun, isNow }: End): string[] {
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

/** The message of an error, in parentheses. */
function reasonOf(settled: object): string {
  return 'error' in settled && settled.error instanceof Error ? ` (${settled.error.message})` : ''
}
