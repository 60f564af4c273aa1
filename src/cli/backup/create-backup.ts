import packageJson from '../../../package.json' with { type: 'json' }
import type { CopyCounts } from '../../backup/copy-files.ts'
import { type CreatedBackup, createBackup as create, type CreateNeeds } from '../../backup/create-backup.ts'
import { type FileLine, isLacking, type Manifest } from '../../backup/manifest.ts'
import { RetriesExhausted, type WaitTimes, defaultWaitTimes } from '../../backup/retrying-store.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import type { Config } from '../../config/config.ts'
import { isAppError } from '../../errors/app-error.ts'
import type { CreateBackupOptions } from './backup-commands.ts'
import { CommandFailed, explainGaveUp } from '../printing/explain-failure.ts'
import { openBackupPlace, readKeyFile } from './open-backup-place.ts'
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

/** `backup create`. Throws `CommandFailed`, after saying why, when some file could not be had or it was ended before the end. */
export async function createBackup(needs: Needs, where: PathOrBucket, options: CreateBackupOptions): Promise<void> {
  const { print, signal, key, patience = defaultWaitTimes } = needs
  const place = await openBackupPlace(needs, where, { makes: true, policy: 'backup' })
  const isRowsOnly = options.rowsOnly === true
  let progress: Progress | undefined
  const done: Amount = { files: 0, bytes: 0 }
  try {
    const { version } = packageJson
    const made = await create({ ...needs, owner: needs.ownerConnection, version }, place, {
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
          `The rows are in it; ${formatCount(total.files, 'file')}, ${formatBytes(total.bytes)}, ${isRowsOnly ? 'to be listed' : 'to be compared and copied'}.`,
        )
        progress = showProgress(print, total)
      },
      onFile({ line }) {
        done.files += 1
        done.bytes += line.size
        if (isLacking(line.fate)) printLacking(print, progress, line)
        progress?.update(done)
      },
    })
    progress?.end()
    answer(print, made, place.address)
  } catch (error) {
    progress?.end()
    // What it says itself it says also when it was told to end: it may have been finished by then.
    if (!signal.aborted || isAppError(error))
      throw error instanceof RetriesExhausted
        ? explainGaveUp(error, 'what is in the backup already is not copied again')
        : error
    print.json({ event: 'finished', ok: false, complete: false })
    print.text(
      `It was ended before the end. What there is of it says that it is not finished, and the next one removes it.`,
    )
    throw new CommandFailed()
  } finally {
    place.close()
  }
}

const reasons: Partial<Record<FileLine['fate'], string>> = {
  not_here: 'it lies on a disk, or in a store, that is not here',
  unreadable: 'its file cannot be read, or something else is in its place',
  missing: 'its file is not there',
  wrong: 'its bytes are not those that were stored',
}

function printLacking(print: Printer, progress: Progress | undefined, line: FileLine): void {
  const why = reasons[line.fate] ?? line.fate
  const { firm_id, document_id, version, store, store_id, key, size: bytes } = line
  print.json({ event: 'lacking', fate: line.fate, firm_id, document_id, version, store, store_id, key, bytes, why })
  progress?.print(`${print.mark(false)} document ${document_id} version ${version ?? '?'}, ${key}: ${why}`)
}

function answer(
  print: Printer,
  { name, manifest, counts, removedUnfinished: cleaned }: CreatedBackup,
  shown: string,
): void {
  const { files, tables, signed_with: fingerprint, backup } = manifest
  const isWhole = files.lacking === 0
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  print.json({
    event: 'finished',
    ok: isWhole,
    complete: true,
    backup: name,
    place: shown,
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
    removed_unfinished: cleaned,
  })
  for (const each of cleaned) print.text(`The unfinished backup ${each} was removed.`)
  const copied = backup.rows_only
    ? ''
    : `; ${formatCount(counts.copied)} copied (${formatBytes(counts.copiedBytes)}), ${formatCount(counts.shared)} there already`
  const mark = print.mark(isWhole)
  print.text(
    `${mark} ${name}: ${formatCount(rows, 'row')}, ${formatCount(files.count, 'file')}, ${formatBytes(files.bytes)}${copied}.`,
  )
  warnRowsOnly(print, manifest)
  if (fingerprint === null)
    print.text(
      `${print.mark('note')} It is not signed: who can write there could change it unseen. --sign-key FILE signs it.`,
    )
  if (isWhole) return
  print.text(`Not in it: ${formatCount(files.lacking, 'file')}; the rest is sound.`)
  for (const line of adviseOnLacking(counts.fates)) print.text(line)
  throw new CommandFailed()
}

/** What to do about files that a backup could not have, a line for each reason. */
export function adviseOnLacking({
  not_here = 0,
  unreadable = 0,
  missing = 0,
  wrong = 0,
}: CopyCounts['fates']): string[] {
  const lines: string[] = []
  if (not_here > 0) lines.push('Not here: run it where their disks are, or `drain` those first.')
  if (unreadable > 0)
    lines.push(
      'Not read: let this user read all that lies below UPLOADS_DIR, put files back in the place of links and folders, and run this again.',
    )
  if (missing + wrong > 0)
    lines.push(
      'Lost or damaged: `verify` names and marks them; docs/runbook/backup-lacking.md says where they may still be had. Every backup lacks them until they are back, or their documents are purged.',
    )
  return lines
}

/** Prints what a rows-only backup does not include, and what that means for a restore. */
export function warnRowsOnly(print: Printer, { backup, files }: Manifest): void {
  if (!backup.rows_only) return
  print.text(
    `${print.mark('note')} This backup has rows only: ${formatCount(files.count, 'file')}, ${formatBytes(files.bytes)}, are not in it. A restore brings back the rows and looks for the files in their stores.`,
  )
}
