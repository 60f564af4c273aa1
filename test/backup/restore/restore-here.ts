import { restore } from '../../../src/cli/backup/restore-backup.ts'
import { explainFailure } from '../../../src/cli/printing/explain-failure.ts'
import { buildProgram, toolCommands } from '../../../src/cli/program.ts'
import { runProgram } from '../../../src/cli/run-program.ts'
import type { RestoreBackupOptions } from '../../../src/cli/backup/backup-commands.ts'
import type { PathOrBucket } from '../../../src/config/setting-formats.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { emptyFolder } from '../backup-scene.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'
import type { Settings } from '../../support/cli/run-command.ts'

/**
 * Runs the command `backup restore` in this process, which saves the start of another one. `last`: its last JSON
 * object.
 */
export async function restoreHere(settings: Settings, words: string[]) {
  const { print, said, answers } = notingPrinter()
  const stderr: string[] = []
  const log = createLogger({ level: 'silent', isTerminal: false })
  const config = loadConfig({ DATA_DIR: await emptyFolder(), USE_S3_STORAGE: 'false', ...settings })
  const program = buildProgram(toolCommands, '0.0.0', async (_command, options, [place]) =>
    // The definition of the command checked both.
    restore({ config, log, print }, place as PathOrBucket, options as RestoreBackupOptions),
  )
  const code = await runProgram(program, ['backup', 'restore', ...words], explainFailure, {
    stdout: { write: (text) => void said.push(text) },
    stderr: { write: (text) => void stderr.push(text) },
  })
  return { code, said: said.join('\n'), answers, last: answers.at(-1), stderr: stderr.join('') }
}
