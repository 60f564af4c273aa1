import type { FileFound } from '../backup/look-for-files.ts'
import type { OpenedBackup } from '../backup/open-backup.ts'
import type { Restored } from '../backup/restore-backup.ts'
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
  return [`${inCount(lacking)} files could not be brought back; their documents say that they are missing.`]
}

function tellFiles({ written, found, bytes, renamed, withoutBytes, infected, damaged }: RestoredFiles): Told {
  const lacking = withoutBytes.length - infected
  return {
    ok: lacking + damaged === 0,
    answer: { files: { written, found, bytes, renamed: renamed.length, lacking, infected, damaged } },
    lines: [
      `${inCount(written + found)} files, ${inBytes(bytes)}, each read back and its hash compared.`,
      ...(damaged > 0 ? [`${inCount(damaged)} files are lost or damaged in the backup and were left out.`] : []),
      ...tellLacking(lacking),
      ...(infected > 0 ? [`${inCount(infected)} files in which a virus was found are in no backup.`] : []),
    ],
  }
}

function tellLooked({ there, ...troubles }: Record<FileFound, number>): Told {
  const absent = Object.values(troubles).reduce((sum, count) => sum + count, 0)
  return {
    ok: absent === 0,
    answer: { looked: { there, ...troubles } },
    lines: [
      `its rows; of the files that they name ${inCount(there)} are where they should be.`,
      ...(absent > 0 ? [`${inCount(absent)} are not. Bring them back, or run \`verify\`, which marks them.`] : []),
    ],
  }
}
