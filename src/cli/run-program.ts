import { type Command, CommanderError } from 'commander'

import { CommandFailed, WrongUse } from './failures.ts'

export type ExitCode = 0 | 1 | 2

type Explain = (error: unknown) => { code: string; message: string }

/** Runs one command to its end. Whatever it throws becomes one line for people, or one object for machines, and an exit code. */
export async function runProgram(program: Command, words: string[], explain: Explain): Promise<ExitCode> {
  const isJson = words.includes('--json')
  for (const command of allCommands(program)) {
    command.exitOverride()
    // To people commander says by itself what is wrong.
    if (isJson) command.configureOutput({ writeErr: () => undefined })
  }
  try {
    // Nothing asked for: not wrong, only new here.
    await program.parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommandFailed) return 1
    if (error instanceof CommanderError) return endOfCommander(error, isJson)
    const { code, message } = explain(error)
    if (isJson) answerFailure(code, message)
    else console.error(message)
    return error instanceof WrongUse ? 2 : 1
  }
}

function endOfCommander(error: CommanderError, isJson: boolean): ExitCode {
  // What was asked for was shown: help, or the version.
  if (error.exitCode === 0) return 0
  if (isJson) answerFailure('wrong_use', sentenceOf(error))
  return 2
}

function answerFailure(code: string, message: string): void {
  console.log(JSON.stringify({ error: { code, message } }))
}

function sentenceOf({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'no such command; ./bin/paniq-docs --help shows them all'
  return message.replace(/^error: /, '').replaceAll('\n', ' ')
}

/** A command and all below it. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
