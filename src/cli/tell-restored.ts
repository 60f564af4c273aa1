import type { FileFound } from '../backup/look-for-files.ts'
import type { OpenedBackup } from '../backup/open-backup.ts'
import type { Restored } from '../backup/restore-backup.ts'
import type { RestoredFiles } from '../backup/restore-files.ts'
import { CommandFailed } from './failures.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount } from './progress.ts'

type Told = { ok: boolean; answer: object; lines: string[] }

/** What became of a restore, once everything is done. Throws `CommandFailed` where a file is lacking. */
export function tellRestored(print: Printer, { name }: OpenedBackup, { state, files, looked }: Restored): void {
  const { ok, answer, lines } = files ? tellFiles(files) : looked ? tellLooked(looked) : loadedBefore
  print.answer({ event: 'finished', ok, complete: true, backup: name, went_on: state !== 'new', ...answer })
  const mark = ok ? print.paint('green', '✓') : print.paint('red', '✗')
  const [first, ...rest] = lines
  print.say(`${mark} ${name} is restored: ${first}`)
  for (const line of rest) print.say(line)
  if (!ok) throw new CommandFailed()
}

const loadedBefore: Told = {
  ok: true,
  answer: {},
  lines: ['rows and files were there already, and what was left is done.'],
}

function tellFiles({ written, found, bytes, renamed, withoutBytes, infected }: RestoredFiles): Told {
  const lacking = withoutBytes.length - infected
  return {
    ok: lacking === 0,
    answer: { files: { written, found, bytes, renamed: renamed.length, lacking, infected } },
    lines: [
      `${inCount(written + found)} files, ${inBytes(bytes)}, each read back and its hash compared.`,
      ...(lacking > 0
        ? [`${inCount(lacking)} files are not in the backup; their documents say that they are missing.`]
        : []),
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
