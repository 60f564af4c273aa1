import { ConfigError } from '../config.ts'
import { AppError } from '../errors.ts'
import { WrongUse } from './failures.ts'

export type Explained = {
  code: string
  /** One line, for the person who gave the command. */
  message: string
  /** Whether it could be foreseen. What could not belongs whole into the log. */
  isExpected: boolean
}

/** What went wrong and what to do about it, without a stack, a secret or a word of the libraries where we know better. */
export function explainFailure(error: unknown): Explained {
  if (error instanceof ConfigError) return expected('configuration', error.message)
  if (error instanceof WrongUse) return expected('wrong_use', error.message)
  if (error instanceof AppError) return expected(error.code, error.message)

  const known = explainDatabase([...codesOf(error)])
  if (known !== undefined) return known
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return {
    code: 'internal',
    message: `Something went wrong that should not: ${line}. LOG_LEVEL=debug shows the rest.`,
    isExpected: false,
  }
}

function expected(code: string, message: string): Explained {
  return { code, message, isExpected: true }
}

const byDatabaseCode: [codes: string[], message: string][] = [
  [['28P01', '28000'], 'the server refuses this user or password; correct it.'],
  [['3D000'], 'the server has no such database; make it (createdb NAME), or name another.'],
  [
    ['42501'],
    'this user may not make or change the tables; give it the right, or set DATABASE_OWNER_URL to a user who has it.',
  ],
  [['53300'], 'the server accepts no more connections; close some, or raise max_connections.'],
  [['57P03'], 'the server is starting or stopping; try again in a few seconds.'],
  [
    ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET'],
    'nothing answers there. Start PostgreSQL, or correct the address.',
  ],
  [['ENOTFOUND', 'EAI_AGAIN'], 'its host name is not known. Correct the address.'],
]

function explainDatabase(codes: string[]): Explained | undefined {
  const found = byDatabaseCode.find(([each]) => each.some((code) => codes.includes(code)))
  return found === undefined
    ? undefined
    : expected('database', `The database could not be opened (DATABASE_URL, DATABASE_OWNER_URL): ${found[1]}`)
}

/** Codes of an error and of all that caused it, outermost first. */
function* codesOf(error: unknown): Generator<string> {
  if (!(error instanceof Error)) return
  if ('code' in error && typeof error.code === 'string') yield error.code
  if (error instanceof AggregateError) for (const each of error.errors) yield* codesOf(each)
  yield* codesOf(error.cause)
}
