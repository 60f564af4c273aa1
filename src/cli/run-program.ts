import { type Command, CommanderError } from 'commander'

import { describeHelp } from './command/define-command.ts'
import { CommandFailed, Interrupted, WrongUse } from './printing/explain-failure.ts'

/** 130: a shutdown signal came before the command did anything, as for a process that SIGINT ends. */
type ExitCode = 0 | 1 | 2 | 130

type Explain = (error: unknown) => { code: string; message: string }
type Stream = { write: (text: string) => unknown }
type Streams = { stdout: Stream; stderr: Stream }

/** Runs one command. An error becomes one line for people, or one object for machines, and an exit code. */
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
    // Without a command, print the help; this is not a usage error.
    await program.parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommandFailed) return 1
    if (!(error instanceof CommanderError)) return fail(exitCodeOf(error), explain(error))
    // Help or the version was printed.
    if (error.exitCode === 0) return 0
    // For people, commander has printed the usage error.
    return isJson ? fail(2, { code: 'wrong_use', message: `${sentenceOf(error)} ${hintOf()}` }) : 2
  }
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return 130
  return error instanceof WrongUse ? 2 : 1
}

/** Makes commander throw instead of exiting. Returns a function that points to the help of the command that threw. */
function prepare(program: Command, { stdout, stderr }: Streams, isJson: boolean): () => string {
  let failed = program
  for (const command of allCommands(program))
    command
      .exitOverride((error) => {
        failed = command
        throw error
      })
      .showHelpAfterError(describeHelp(command))
      .configureOutput({
        writeOut: (text) => stdout.write(text),
        writeErr: (text) => (isJson ? undefined : stderr.write(text)),
      })
  return () => describeHelp(failed)
}

function sentenceOf({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'There is no such command.'
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ')
  return text.endsWith('.') ? text : `${text}.`
}

/** A command and all below it. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
