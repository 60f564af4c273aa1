import type { OpenedBackup } from '../../backup/open-backup.ts'
import type { RestoreResult } from '../../backup/restore-backup.ts'
import type { FileState, RestoredFiles } from '../../backup/restore-files.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import { formatBytes, formatCount, type Printer } from '../printing/printer.ts'

type RestoreReport = { ok: boolean; answer: object; lines: string[] }

/** Prints the result of a finished restore. Throws `CommandFailed` when a file is missing. */
export function reportRestored(
  print: Printer,
  { name, manifest }: OpenedBackup,
  {
    state,
    files,
    filesInPlace,
    lacking,
    erasedAgain,
    skipped,
  }: RestoreResult & { erasedAgain: number; skipped: string[] },
): void {
  const { ok, answer, lines } = files
    ? describeFiles(files)
    : filesInPlace
      ? describeChecked(filesInPlace)
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
    erased_again: erasedAgain,
    not_read: skipped,
    ...answer,
  })
  const mark = print.mark(ok)
  const [first, ...rest] = lines
  print.text(`${mark} ${name} is restored: ${first}`)
  for (const line of rest) print.text(line)
  if (erasedAgain > 0)
    print.text(
      `Erased again, because a newer backup in the same place knows them as erased: ${formatCount(erasedAgain)}.`,
    )
  if (skipped.length > 0)
    print.text(
      `${print.mark('note')} These newer backups could not be read, so people whom only they know as erased are back: ${skipped.join(', ')}. Check them with \`backup verify\`.`,
    )
  print.text(
    `${print.mark('note')} Everything is as of ${asOf}: documents that were destroyed later are back, and so are people who were erased after the newest backup, and permissions that were withdrawn later apply again. Repeat the later changes: see "Restore", step 7, in deploy/backup-restore/README.md.`,
  )
  if (!ok) throw new CommandFailed()
}

function describeLoaded(lacking: number): RestoreReport {
  return {
    ok: lacking === 0,
    answer: { files: { lacking } },
    lines: ['rows and files were already there, and the remaining steps are done.', ...ifAny(lacking, notRestored)],
  }
}

const notRestored = 'Not restored, and marked as missing: %.'

function describeFiles({ written, found, bytes, renamed, infected, lacking, damaged }: RestoredFiles): RestoreReport {
  return {
    ok: lacking === 0,
    answer: { files: { written, found, bytes, renamed: renamed.length, lacking, infected, damaged } },
    lines: [
      `${formatCount(written + found, 'file')}, ${formatBytes(bytes)}, each read back and its hash verified.`,
      ...ifAny(damaged, 'Lost or damaged in the backup, and left out: %.'),
      ...ifAny(lacking, notRestored),
      ...ifAny(infected, 'Not in any backup because of a virus: %.'),
    ],
  }
}

function describeChecked(found: Record<FileState, number>): RestoreReport {
  const { there, not_here: notHere, missing, wrong, unreadable } = found
  return {
    ok: notHere + missing + wrong + unreadable === 0,
    answer: { looked: found },
    lines: [
      `the rows; files found in their stores: ${formatCount(there)}.`,
      ...ifAny(
        notHere,
        'On another disk, or in a store that is not configured: %. Set UPLOADS_DIR to the whole old folder with its hidden .store-id, or configure the store; or restore a backup with files into an empty database. Files that are copied into a new folder are not found.',
      ),
      ...ifAny(
        missing + wrong,
        'Missing or damaged: %. Put them back under their keys, or restore a backup with files into an empty database. `verify` marks the rest.',
      ),
      ...ifAny(
        unreadable,
        'Not read: %. Let this user read everything below UPLOADS_DIR, or replace the disk if the system log has disk errors. Then run `verify`.',
      ),
    ],
  }
}

function ifAny(count: number, message: string): string[] {
  return count === 0 ? [] : [message.replace('%', formatCount(count, 'file'))]
}
