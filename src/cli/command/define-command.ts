import { type Command, Help, InvalidArgumentError, type Option } from 'commander'
import { z } from 'zod'

export type OutputOptions = { json?: true }

/** Everything about one command: how it is called, and what it does. */
export type CommandDefinition<Options extends object = object, Arguments extends unknown[] = unknown[]> = {
  /** The words after `paniq-docs`, such as `s3 test`. */
  path: string
  /** For the list of commands; default: the description. */
  summary?: string
  description: string
  example: string
  /** What `--json` prints. Without it the command has no such option. */
  json?: 'object' | 'lines'
  /** Adds arguments and options. */
  configure?: (command: Command) => Command
  /** Loads the code of the command when it is called: help and usage errors must not wait for it. */
  run(options: Options, ...given: Arguments): Promise<void>
}

/** Checks a definition against the types of its options and arguments. */
export function defineCommand<Options extends object = OutputOptions, Arguments extends unknown[] = []>(
  definition: CommandDefinition<Options, Arguments>,
): CommandDefinition {
  return definition
}

export type RunCommand = (definition: CommandDefinition, options: object, given: unknown[]) => Promise<void>

const jsonMeanings = { object: 'print one JSON object', lines: 'print JSON objects, one per line' }

/** Adds a command to its group. `run` receives the options and arguments that commander parsed. */
export function addCommand(group: Command, definition: CommandDefinition, run: RunCommand): void {
  const { path, summary, description, example, json, configure = (command) => command } = definition
  const command = group.command(path.split(' ').at(-1) ?? path).description(description)
  if (summary !== undefined) command.summary(summary)
  if (json !== undefined) command.option('--json', jsonMeanings[json])
  configure(command).addHelpText('after', `\nExample:\n  $ ${example}`)
  command.action(async (...parsed: unknown[]) => {
    const given = parsed.slice(0, command.registeredArguments.length)
    await run(definition, command.opts(), given)
  })
}

/** The commands that do something, in whatever group. */
export function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)))
}

/** `s3 test`. */
export function fullName(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${fullName(parent)} ${command.name()}` : command.name()
}

/** Points to the right help after a usage error. */
export function describeHelp(command: Command): string {
  const call = command.parent === null ? './bin/paniq-docs' : `./bin/paniq-docs ${fullName(command)}`
  return `Run ${call} --help to list ${command.commands.length === 0 ? 'its options' : 'the commands'}.`
}

const defaultHelp = new Help()

/** The text of an option, in help and in docs/commands.md. */
export function describeOption(option: Option): string {
  const text = defaultHelp.optionDescription(option)
  return option.mandatory ? `${text} (required)` : text
}

/** Validates an option with a schema, usually that of the API for the same field. */
export function parseAs<Value>(schema: z.ZodType<Value>): (text: string) => Value {
  return (text) => {
    const parsed = schema.safeParse(text)
    if (parsed.success) return parsed.data
    throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message ?? 'is not valid'}.`)
  }
}

export const parseFirmId = parseAs(z.guid('must be the id of a firm, a UUID').transform((id) => id.toLowerCase()))
