import packageJson from '../../../package.json' with { type: 'json' }
import type { CopyCounts } from '../../backup/copy-files.ts'
import { type CreatedBackup, createBackup as create, type CreateNeeds } from '../../backup/create-backup.ts'
import { type FileLine, isLacking, type Manifest } from '../../backup/backup-manifest.ts'
import { RetriesExhausted, type WaitTimes, defaultWaitTimes } from '../../backup/retrying-store.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import type { Config } from '../../config/load-config.ts'
import { isAppError } from '../../errors/app-error.ts'
import type { CreateBackupOptions } from './backup-commands.ts'
import { CommandFailed, explainGaveUp } from '../printing/explain-failure.ts'
import { openBackupStore, readKeyFile } from './open-backup-store.ts'
import {
  type Amount,
  formatBytes,
  formatCount,
  type Printer,
  type Progress,
  showProgress,
  createWaitingPrinter,
} from '../printing/printer.ts'
import { readSigningKey, type SigningKey } from '../../backup/open-backup.ts'

type Needs = Omit<CreateNeeds, 'owner' | 'version'> & {
  config: Config
  ownerConnection: CreateNeeds['owner']
  print: Printer
  signal: AbortSignal
  key: SigningKey | undefined
  patience?: WaitTimes
}

export async function readSigningKeyFile(path: string | undefined): Promise<SigningKey | undefined> {
  return readKeyFile(path, '--sign-key', readSigningKey)
}

/** `backup create`. Prints why and throws `CommandFailed` when a file could not be read, or a signal stopped it. */
export async function createBackup(needs: Needs, where: PathOrBucket, options: CreateBackupOptions): Promise<void> {
  const { print, signal, key, patience = defaultWaitTimes } = needs
  const store = await openBackupStore(needs, where, { makes: true, policy: 'backup' })
  const isRowsOnly = options.rowsOnly === true
  let progress: Progress | undefined
  const done: Amount = { files: 0, bytes: 0 }
  try {
    const { version } = packageJson
    const made = await create({ ...needs, owner: needs.ownerConnection, version }, store, {
      isRowsOnly,
      key,
      concurrency: options.concurrency,
      signal,
      ...patience,
      onWaiting: createWaitingPrinter(
        (line) => (progress === undefined ? print.text(line) : progress.print(line)),
        patience.patienceMs,
      ),
      onTable: () => undefined,
      onTotal(total) {
        print.text(
          `The rows are stored. ${isRowsOnly ? 'Listing' : 'Comparing and copying'} ${formatCount(total.files, 'file')}, ${formatBytes(total.bytes)}.`,
        )
        progress = showProgress(print, total)
      },
      onFile({ line }) {
        done.files += 1
        done.bytes += line.size
        if (isLacking(line.fate)) printLackingFile(print, progress, line)
        progress?.update(done)
      },
    })
    progress?.end()
    printResult(print, made, store.address)
  } catch (error) {
    progress?.end()
    // An `AppError` is reported also after a signal, because it may say that the backup is finished.
    if (!signal.aborted || isAppError(error))
      throw error instanceof RetriesExhausted
        ? explainGaveUp(error, 'files that are already copied are not copied again')
        : error
    print.json({ event: 'finished', ok: false, complete: false })
    print.text('Stopped before the end. The backup is unfinished, and the next one removes it.')
    throw new CommandFailed()
  } finally {
    store.close()
  }
}

const reasons: Partial<Record<FileLine['fate'], string>> = {
  not_here: 'it is on a disk, or in a store, that is not here',
  unreadable: 'its file cannot be read, or is not a file',
  missing: 'its file is missing',
  wrong: 'its hash differs from that of the stored file',
}

function printLackingFile(print: Printer, progress: Progress | undefined, line: FileLine): void {
  const why = reasons[line.fate] ?? line.fate
  const { firm_id, document_id, version, store, store_id, key, size: bytes } = line
  print.json({ event: 'lacking', fate: line.fate, firm_id, document_id, version, store, store_id, key, bytes, why })
  progress?.print(`${print.mark(false)} document ${document_id} version ${version ?? '?'}, ${key}: ${why}`)
}

function printResult(
  print: Printer,
  { name, manifest, counts, removedUnfinished }: CreatedBackup,
  address: string,
): void {
  const { files, tables, signed_with: fingerprint, backup } = manifest
  const isWhole = files.lacking === 0
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  print.json({
    event: 'finished',
    ok: isWhole,
    complete: true,
    backup: name,
    place: address,
    taken_at: backup.taken_at,
    rows_only: backup.rows_only,
    rows,
    files: files.count,
    bytes: files.bytes,
    copied: counts.copied,
    copied_bytes: counts.copiedBytes,
    shared: counts.shared,
    fates: counts.fates,
    files_not_included: files.count - (counts.fates.kept ?? 0),
    signed_with: fingerprint,
    removed_unfinished: removedUnfinished,
  })
  for (const each of removedUnfinished) print.text(`Removed the unfinished backup ${each}.`)
  const copied = backup.rows_only
    ? ''
    : `; ${formatCount(counts.copied)} copied (${formatBytes(counts.copiedBytes)}), ${formatCount(counts.shared)} already there`
  const mark = print.mark(isWhole)
  print.text(
    `${mark} ${name}: ${formatCount(rows, 'row')}, ${formatCount(files.count, 'file')}, ${formatBytes(files.bytes)}${copied}.`,
  )
  warnRowsOnly(print, manifest)
  if (fingerprint === null)
    print.text(
      `${print.mark('note')} The backup is not signed: anybody who can write there could change it unnoticed. Sign it with --sign-key FILE.`,
    )
  if (isWhole) return
  print.text(`Files not in the backup: ${formatCount(files.lacking)}. The rest is complete.`)
  for (const line of adviseOnLacking(counts.fates)) print.text(line)
  throw new CommandFailed()
}

/** What to do about files that a backup could not include, a line for each reason. */
export function adviseOnLacking({
  not_here = 0,
  unreadable = 0,
  missing = 0,
  wrong = 0,
}: CopyCounts['fates']): string[] {
  const lines: string[] = []
  if (not_here > 0) lines.push('Not here: run this where their disks are, or `drain` those first.')
  if (unreadable > 0)
    lines.push(
      'Not read: let this user read everything below UPLOADS_DIR, replace links and folders by their files, and run this again.',
    )
  if (missing + wrong > 0)
    lines.push(
      'Lost or damaged: `verify` names and marks them. docs/runbook/backup-incomplete.md says where copies may exist. Every backup lacks them until they are back, or their documents are purged.',
    )
  return lines
}

/** Warns that a rows-only backup has no files, and what a restore does then. */
export function warnRowsOnly(print: Printer, { backup, files }: Manifest): void {
  if (!backup.rows_only) return
  print.text(
    `${print.mark('note')} This backup has rows only, without ${formatCount(files.count, 'file')} (${formatBytes(files.bytes)}). A restore brings back the rows and looks for the files in their stores.`,
  )
}
