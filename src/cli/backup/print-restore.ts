import type { OpenedBackup } from '../../backup/open-backup.ts'
import type { FileState, RestoreResult } from '../../backup/restore-backup.ts'
import type { RestoredFiles } from '../../backup/restore-files.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import { formatBytes, formatCount, type Printer } from '../printing/printer.ts'

type RestoreReport = { ok: boolean; answer: object; lines: string[] }

/** What became of a restore, once everything is done. Throws `CommandFailed` where a file is lacking. */
export function reportRestored(
  print: Printer,
  { name, manifest }: OpenedBackup,
  { state, files, filesInPlace: looked, lacking }: RestoreResult,
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

function describeChecked(looked: Record<FileState, number>): RestoreReport {
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
