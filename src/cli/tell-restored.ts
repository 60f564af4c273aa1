import type { FileFound, Restored } from '../backup/restore-backup.ts'
import type { OpenedBackup } from '../backup/open-backup.ts'
import type { RestoredFiles } from '../backup/restore-files.ts'
import { CommandFailed } from './failures.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount } from './progress.ts'

type Told = { ok: boolean; answer: object; lines: string[] }

/** What became of a restore, once everything is done. Throws `CommandFailed` where a file is lacking. */
export function tellRestored(
  print: Printer,
  { name, manifest }: OpenedBackup,
  { state, files, looked, lacking }: Restored,
): void {
  const { ok, answer, lines } = files ? tellFiles(files) : looked ? tellLooked(looked) : tellLoaded(lacking)
  const asOf = manifest.backup.taken_at
  print.answer({
    event: 'finished',
    ok,
    complete: true,
    backup: name,
    as_of: asOf,
    went_on: state !== 'new',
    rows_only: manifest.backup.rows_only,
    ...answer,
  })
  const mark = ok ? print.paint('green', '✓') : print.paint('red', '✗')
  const [first, ...rest] = lines
  print.say(`${mark} ${name} is restored: ${first}`)
  for (const line of rest) print.say(line)
  print.say(
    `${print.paint('yellow', '!')} All is as of ${asOf}: papers that were destroyed since are back, and rights that were withdrawn hold again. Do again what was done since: "The way back" in deploy/backup-restore/README.md says how.`,
  )
  if (!ok) throw new CommandFailed()
}

function tellLoaded(lacking: number): Told {
  return {
    ok: lacking === 0,
    answer: { files: { lacking } },
    lines: ['rows and files were there already, and what was left is done.', ...tellLacking(lacking)],
  }
}

function tellLacking(lacking: number): string[] {
  if (lacking === 0) return []
  return [`Not brought back, and marked as missing in the documents: ${inCount(lacking, 'file')}.`]
}

function tellFiles({ written, found, bytes, renamed, withoutBytes, infected, damaged }: RestoredFiles): Told {
  const lacking = withoutBytes.length - infected
  return {
    ok: lacking + damaged === 0,
    answer: { files: { written, found, bytes, renamed: renamed.length, lacking, infected, damaged } },
    lines: [
      `${inCount(written + found, 'file')}, ${inBytes(bytes)}, each read back and its hash compared.`,
      ...(damaged > 0 ? [`Lost or damaged in the backup, and left out: ${inCount(damaged, 'file')}.`] : []),
      ...tellLacking(lacking),
      ...(infected > 0 ? [`In no backup, because of a virus: ${inCount(infected, 'file')}.`] : []),
    ],
  }
}

function tellLooked({ there, unreadable, ...troubles }: Record<FileFound, number>): Told {
  const absent = Object.values(troubles).reduce((sum, count) => sum + count, 0)
  return {
    ok: absent + unreadable === 0,
    answer: { looked: { there, unreadable, ...troubles } },
    lines: [
      `its rows; of the files that they name, where they should be: ${inCount(there)}.`,
      ...(absent > 0 ? [`Not there: ${inCount(absent)}. Bring them back, or run \`verify\`, which marks them.`] : []),
      ...(unreadable > 0
        ? [
            `Not read: ${inCount(unreadable)}. Let this user read all that lies below UPLOADS_DIR, or replace the disk if the system’s log tells of errors, and run \`verify\`.`,
          ]
        : []),
    ],
  }
}
