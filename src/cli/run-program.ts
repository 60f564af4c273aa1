import { type Command, CommanderError } from 'commander'

import { CommandFailed, WrongUse } from './failures.ts'

export type ExitCode = 0 | 1 | 2

type Explain = (error: unknown) => { code: string; message: string }

/** Runs one command to its end. Whatever it throws becomes one line for people, or one object for machines, and an exit code. */
export async function runProgram(program: Command, words: string[], explain: Explain): Promise<ExitCode> {
  for (const command of allCommands(program)) command.exitOverride()
  try {
    // Nothing asked for: not wrong, only new here.
    await program.parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommandFailed) return 1
    // Commander has said by itself what is wrong, or shown what was asked for.
    if (error instanceof CommanderError) return isShown(error) ? 0 : 2

    const { code, message } = explain(error)
    if (words.includes('--json')) console.log(JSON.stringify({ error: { code, message } }))
    else console.error(message)
    return error instanceof WrongUse ? 2 : 1
  }
}

/** A command and all below it. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}

function isShown({ code }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.version'
}
