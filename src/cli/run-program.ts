import { type Command, CommanderError } from 'commander'

import { describeHelp } from './command/define-command.ts'
import { CommandFailed, Interrupted, WrongUse } from './printing/explain-failure.ts'

/** 130: it was told to end before it did anything, as of a process that a SIGINT ended. */
export type ExitCode = 0 | 1 | 2 | 130

type Explain = (error: unknown) => { code: string; message: string }
type Stream = { write: (text: string) => unknown }
type Streams = { stdout: Stream; stderr: Stream }

/** Runs one command to its end. Whatever it throws becomes one line for people, or one object for machines, and an exit code. */
export async function runProgram(
  program: Command,
  words: string[],
  explain: Explain,
  streams: Streams = process,
): Promise<ExitCode> {
  const isJson = words.includes('--json')
  const hintOf = prepare(program, streams, isJson)
  const fail = (exit: ExitCode, { code, message }: ReturnType<Explain>) => {
    if (isJson) streams.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
    else streams.stderr.write(`${message}\n`)
    return exit
  }
  try {
    // Nothing asked for: not wrong, only new here.
    await program.parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommandFailed) return 1
    if (!(error instanceof CommanderError)) return fail(exitCodeOf(error), explain(error))
    // What was asked for was shown: help, or the version.
    if (error.exitCode === 0) return 0
    // To people commander has said by itself what is wrong.
    return isJson ? fail(2, { code: 'wrong_use', message: `${sentenceOf(error)} ${hintOf()}` }) : 2
  }
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return 130
  return error instanceof WrongUse ? 2 : 1
}

/** Has commander throw instead of ending the process. Answers the way to say where help is, once it has thrown. */
function prepare(program: Command, { stdout, stderr }: Streams, isJson: boolean): () => string {
  let asked = program
  for (const command of allCommands(program))
    command
      .exitOverride((error) => {
        asked = command
        throw error
      })
      .showHelpAfterError(describeHelp(command))
      .configureOutput({
        writeOut: (text) => stdout.write(text),
        writeErr: (text) => (isJson ? undefined : stderr.write(text)),
      })
  return () => describeHelp(asked)
}

function sentenceOf({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'There is no such command.'
  const said = message.replace(/^error: /, '').replaceAll('\n', ' ')
  return said.endsWith('.') ? said : `${said}.`
}

/** A command and all below it. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
