import { type Command, Help, InvalidArgumentError, type Option } from 'commander'
import { z } from 'zod'

export type OutputOptions = { json?: true }

/** The commands that do something, whatever group they stand in. */
export function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)))
}

/** `s3 test`. */
export function fullName(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${fullName(parent)} ${command.name()}` : command.name()
}

/** Where somebody who asked for it in a wrong way finds how it is asked for. */
export function describeHelp(command: Command): string {
  const call = command.parent === null ? './bin/paniq-docs' : `./bin/paniq-docs ${fullName(command)}`
  const shown = command.commands.length === 0 ? 'how it is used' : 'the commands there are'
  return `${call} --help shows ${shown}.`
}

const defaultHelp = new Help()

/** What is said of an option, in help as in docs/commands.md. */
export function describeOption(option: Option): string {
  const said = defaultHelp.optionDescription(option)
  return option.mandatory ? `${said} (required)` : said
}

/** For a command that answers and ends. */
export function addJsonOption(command: Command, how = 'answer with one JSON object'): Command {
  return command.option('--json', how)
}

export function addExample(command: Command, example: string): void {
  command.addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** Checks an option by the form that the API has for the same thing. */
export function parseAs<Value>(form: z.ZodType<Value>): (text: string) => Value {
  return (text) => {
    const parsed = form.safeParse(text)
    if (parsed.success) return parsed.data
    throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message ?? 'is wrong'}.`)
  }
}

export const parseFirmId = parseAs(z.guid('must be the id of a firm, a UUID').transform((id) => id.toLowerCase()))
