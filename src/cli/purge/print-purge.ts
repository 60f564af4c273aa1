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

/** Tells people and machines of one document after another, and sums up. */
export type PurgeReporter = {
  report: (settled: Settled) => void
  /** Of the documents that are told now, and of earlier ones, so many files are about to be destroyed. */
  beginFiles: (count: number) => void
  reportFile: FileReporter['report']
  /** Of one that was named and is not there; an earlier run may have purged it. */
  reportUnseen: (id: DocumentId, earlier: DisposedDocument | undefined) => void
  hasSeen: (id: DocumentId) => boolean
  /** Whether all is as it should be. */
  finish: (end: { isComplete: boolean; isDryRun: boolean; isNow: boolean }) => boolean
}

const reasons: Record<Settled['outcome'], string> = {
  purged: 'destroyed',
  due: 'would be destroyed',
  not_in_trash: 'it is not in the trash; delete it first',
  held: 'a legal hold stands on it or on its firm',
  retained: 'its type keeps it',
  needs_approval:
    'it is the firm’s last verified paper of a required type; an administrator has to approve it (PATCH …/disposal)',
  busy: 'a process is storing or moving bytes of it, or sets them aside in quarantine; run again',
  not_yet: 'its days in the trash (TRASH_DAYS) are not over; with --now and --reason it goes before',
  not_here: 'its row names no disk, and its file is not on this one',
  missing:
    'there is no such document; ids stand in GET /api/v1/security-firms/{firm_id}/documents (?include=deleted), those of destroyed ones in document_disposals',
  failed: 'it could not be destroyed; run again',
}

const stillGo =
  'of its files not destroyed for good: %; the running service and the lifecycle of the bucket see to that, or --now where nothing keeps them'

const inOldBuckets =
  'of its files in a bucket from before a restore: %; nobody here reaches them, so destroy that bucket with all its versions'

const dayMs = 24 * 60 * 60 * 1000

/** What keeps a document that nobody asked for by name is as it should be. */
const good = new Set<Outcome>(['purged', 'purged_before', 'due'])
const goodUnnamed = new Set<Outcome>([...good, 'held', 'retained', 'needs_approval', 'not_yet', 'busy', 'missing'])

type PurgeContext = { total: Amount; documentIds: DocumentId[] | undefined; trashDays: number }

/** Runs work that tells of one document after another, with a progress bar. */
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

/** When what keeps it is over, where that is known. */
function untilOf({ document: { retainedUntil, deletedAt }, outcome }: Settled, trashDays: number): string {
  if (outcome === 'retained') return ` until ${retainedUntil?.toISOString() ?? '?'}`
  if (outcome !== 'not_yet' || deletedAt === null) return ''
  return `; its day comes on ${new Date(deletedAt.getTime() + trashDays * dayMs).toISOString()}`
}

function unseenLine(id: DocumentId, earlier: DisposedDocument | undefined) {
  if (earlier === undefined) return { document_id: id, outcome: 'missing', why: reasons.missing } as const
  const { at, filesLeft, filesInOldBuckets } = earlier
  const left = [
    ...(filesLeft > 0 ? [stillGo.replace('%', formatCount(filesLeft))] : []),
    ...(filesInOldBuckets > 0 ? [inOldBuckets.replace('%', formatCount(filesInOldBuckets))] : []),
  ]
  const rest = left.length === 0 ? 'nothing of it is left' : left.join('; ')
  const why = `it was destroyed on ${at.toISOString()}, as document_disposals says; ${rest}`
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
  if (isNow && !isDryRun) lines.push(`${formatCount(files.destroyed ?? 0, 'file')} destroyed for good.`)
  else if (purged > 0) lines.push('Their bytes are removed by the running service once a day has passed.')
  if (!isComplete) lines.push(stoppedResumable)
  return lines
}

type FileOutcome = DestroyResult['outcome']

/** Tells people and machines of one file after another that is destroyed for good. */
type FileReporter = {
  begin: (total: number) => void
  report: (settled: DestroyResult) => void
  counts: Partial<Record<FileOutcome, number>>
  /** Whether none stayed that should have gone. */
  isGood: () => boolean
  end: () => void
}

const fileReasons: Record<FileOutcome, string> = {
  destroyed: 'destroyed',
  held: 'a legal hold was put on its firm since',
  still_named: 'another document, or a row of the platform, has the same file',
  backup_runs: 'a backup is being made that may need it; run this again when that is done',
  refused: 'S3 refuses to destroy a version of it: an Object Lock keeps it, or a policy of the bucket',
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
      print.text(`To be destroyed for good: ${formatCount(total, 'file')}.`)
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

/** What an error said, behind a sentence of ours. */
function reasonOf(settled: object): string {
  return 'error' in settled && settled.error instanceof Error ? ` (${settled.error.message})` : ''
}
