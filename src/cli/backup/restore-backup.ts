import { BackupWrong, ContentWrong, type FileLine } from '../../backup/manifest.ts'
import type { OpenedBackup } from '../../backup/open-backup.ts'
import { GaveUp, type PatienceTimes, usualPatienceTimes } from '../../backup/retrying-place.ts'
import {
  type FileFound,
  restoreBackup as restore,
  type Restored,
  type RestoreNeeds,
  type RestoreStore,
} from '../../backup/restore-backup.ts'
import type { RestoredFiles } from '../../backup/restore-files.ts'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors/app-error.ts'
import type { BackupPlace } from '../../storage/backup-place/backup-place.ts'
import { untilAborted } from '../../storage/streams/read-as-it-grows.ts'
import type { RestoreBackupOptions } from './add-backup.ts'
import { warnRowsOnly } from './create-backup.ts'
import { CommandFailed, explainGaveUp } from '../printing/explain-failure.ts'
import {
  stoppedResumable,
  formatBytes,
  formatCount,
  type Printer,
  type Progress,
  showProgress,
  createWaitingPrinter,
} from '../printing/printer.ts'
import { findS3Trouble } from '../../storage/connection-test/find-bucket.ts'

type Needs = RestoreNeeds & { config: Config; print: Printer; signal: AbortSignal; patience?: PatienceTimes }

/** `backup restore`, until the rows stand. Says what it found; throws `CommandFailed` when it was ended before the end. */
export async function restoreBackup(
  needs: Needs,
  { place, opened }: { place: BackupPlace; opened: OpenedBackup },
  options: RestoreBackupOptions,
): Promise<Restored> {
  const { print, signal, patience = usualPatienceTimes } = needs
  const { manifest, name } = opened
  const isWithFiles = !manifest.backup.rows_only && options.files
  const { count: files, bytes } = manifest.files
  print.text(`${name}, taken ${manifest.backup.taken_at}: ${formatCount(files, 'file')}, ${formatBytes(bytes)}.`)
  warnRowsOnly(print, manifest)
  const progress = showProgress(print, { files, bytes })
  const done = { files: 0, bytes: 0 }
  try {
    return await restore(needs, place, opened, {
      into: isWithFiles ? await storeOf(needs) : undefined,
      reads: options.read === true,
      concurrency: options.concurrency,
      signal,
      ...patience,
      onWaiting: createWaitingPrinter((line) => progress.print(line), patience.patienceMs),
      onTable: (table) => print.json({ event: 'table', table }),
      onRestored(sofar) {
        done.files += 1
        done.bytes = sofar.bytes
        progress.update(done)
      },
      onLooked(line, found) {
        done.files += 1
        done.bytes += line.size
        progress.update(done)
        if (found !== 'there') nameFile({ print, progress }, line, found)
      },
      withoutDamaged: options.withoutDamaged === true,
      onLacking: (line) => nameFile({ print, progress }, line, line.fate === 'kept' ? 'damaged' : 'not_in_the_backup'),
    })
  } catch (error) {
    if (error instanceof BackupWrong) throw notRestored(name, error)
    if (!signal.aborted) throw error instanceof GaveUp ? explainGaveUp(error, 'it goes on where it stands') : error
    print.json({ event: 'finished', ok: false, complete: false, backup: name })
    progress.print(stoppedResumable)
    throw new CommandFailed()
  } finally {
    progress.end()
  }
}

type Told = { print: Printer; progress: Progress }

function nameFile({ print, progress }: Told, line: FileLine, found: string): void {
  const { firm_id, document_id, version, key } = line
  print.json({ event: 'file', found, firm_id, document_id, version, key })
  progress.print(
    `${print.mark(false)} document ${document_id} version ${version ?? '?'}, ${key}: ${found.replaceAll('_', ' ')}`,
  )
}

function notRestored(name: string, error: BackupWrong): AppError {
  const says = `The backup ${name} cannot be restored: ${error.message}. \`backup verify\` names all that is wrong with it.`
  const advice =
    error instanceof ContentWrong
      ? ' Bring the file back from another copy of the backup, or give the same line with --without-damaged: all else is restored, and what is left out is named.'
      : ''
  return new AppError('gone', `${says}${advice}`, { cause: error })
}

async function storeOf({ config, stores, signal }: Needs): Promise<RestoreStore> {
  const { local, s3 } = stores
  if (!config.useS3) return { store: 'local', name: config.uploadsDir, storeId: local.storeId, files: local }
  const trouble = await untilAborted(findS3Trouble(config.s3), signal)
  if (trouble !== undefined || s3 === undefined)
    throw new AppError('store_unavailable', `S3 cannot be used: ${trouble?.says}. ${trouble?.advice}`)
  return { store: 's3', name: config.s3.bucket, storeId: null, files: s3 }
}

type RestoreReport = { ok: boolean; answer: object; lines: string[] }

/** What became of a restore, once everything is done. Throws `CommandFailed` where a file is lacking. */
export function reportRestored(
  print: Printer,
  { name, manifest }: OpenedBackup,
  { state, files, looked, lacking }: Restored,
): void {
  const { ok, answer, lines } = files
    ? describeFiles(files)
    : looked
      ? describeChecked(looked)
      : describeLoaded(lacking)
  const asOf = manifest.backup.taken_at
  print.json({
    event: 'finished',
    ok,
    complete: true,
    backup: name,
    as_of: asOf,
    went_on: state !== 'new',
    rows_only: manifest.backup.rows_only,
    ...answer,
  })
  const mark = print.mark(ok)
  const [first, ...rest] = lines
  print.text(`${mark} ${name} is restored: ${first}`)
  for (const line of rest) print.text(line)
  print.text(
    `${print.mark('note')} All is as of ${asOf}: papers that were destroyed since are back, and rights that were withdrawn hold again. Do again what was done since: "The way back" in deploy/backup-restore/README.md says how.`,
  )
  if (!ok) throw new CommandFailed()
}

function describeLoaded(lacking: number): RestoreReport {
  return {
    ok: lacking === 0,
    answer: { files: { lacking } },
    lines: ['rows and files were there already, and what was left is done.', ...ifAny(lacking, notBrought)],
  }
}

const notBrought = 'Not brought back, and marked as missing in the documents: %.'

function describeFiles({ written, found, bytes, renamed, infected, lacking, damaged }: RestoredFiles): RestoreReport {
  return {
    ok: lacking === 0,
    answer: { files: { written, found, bytes, renamed: renamed.length, lacking, infected, damaged } },
    lines: [
      `${formatCount(written + found, 'file')}, ${formatBytes(bytes)}, each read back and its hash compared.`,
      ...ifAny(damaged, 'Lost or damaged in the backup, and left out: %.'),
      ...ifAny(lacking, notBrought),
      ...ifAny(infected, 'In no backup, because of a virus: %.'),
    ],
  }
}

function describeChecked(looked: Record<FileFound, number>): RestoreReport {
  const { there, not_here: notHere, missing, wrong, unreadable } = looked
  return {
    ok: notHere + missing + wrong + unreadable === 0,
    answer: { looked },
    lines: [
      `its rows; of the files that they name, where they should be: ${formatCount(there)}.`,
      ...ifAny(
        notHere,
        'On another disk, or in a store that is not set up: %. Name the whole old folder, with its hidden .store-id, as UPLOADS_DIR, or set the store up; or restore a backup that has files into an empty database. Files that are copied into a new folder are not found.',
      ),
      ...ifAny(
        missing + wrong,
        'Missing or damaged: %. Put them back under their keys, or restore a backup that has files into an empty database; `verify` marks those that stay so.',
      ),
      ...ifAny(
        unreadable,
        'Not read: %. Let this user read all that lies below UPLOADS_DIR, or replace the disk if the system’s log tells of errors, and run `verify`.',
      ),
    ],
  }
}

function ifAny(count: number, says: string): string[] {
  return count === 0 ? [] : [says.replace('%', formatCount(count, 'file'))]
}
