import { type Command, InvalidArgumentError } from 'commander'
import type { z } from 'zod'

export type Answers = { json?: true }

/** The commands that do something, whatever group they stand in. */
export function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)))
}

/** `s3 test`. */
export function fullName(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${fullName(parent)} ${command.name()}` : command.name()
}

/** For a command that answers and ends. */
export function answering(command: Command, how = 'answer with one JSON object'): Command {
  return command.option('--json', how)
}

export function teach(command: Command, example: string): void {
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
