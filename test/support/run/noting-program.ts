import type { Command } from 'commander'

import { serviceCommands } from '../../../src/bin/service-commands.ts'
import { buildProgram, toolCommands } from '../../../src/cli/program.ts'

/** The real program. Its commands only record that they were called. */
export function makeNotingProgram(called: string[] = []): Command {
  return buildProgram([...serviceCommands, ...toolCommands], '0.0.0', async ({ path }) => {
    await Promise.resolve(called.push(path))
  })
}
