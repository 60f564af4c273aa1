import { redact } from '../logger-redact.ts'

const mostCharacters = 500

/** A failure in a sentence that may be kept and shown to administrators: as the log has it, without secrets, and without its stack. */
export function tellError(error: unknown): string {
  const text = redact(JSON.stringify(wordsOf(error).join(': ')))
  return (JSON.parse(text) as string).slice(0, mostCharacters) // a line of JSON stays one
}

/** Its message, and those of what caused it. */
function wordsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)]
  return [error.message, ...(error.cause === undefined ? [] : wordsOf(error.cause))]
}
