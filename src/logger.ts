import { AsyncLocalStorage } from 'node:async_hooks'

import { type Logger, pino, type DestinationStream } from 'pino'
import pretty from 'pino-pretty'

type LogContext = { request_id?: string; job_id?: string }

const context = new AsyncLocalStorage<LogContext>()

/** Everything that is logged while `work` runs, by whatever part, carries these fields. */
export function withLogContext<Result>(fields: LogContext, work: () => Result): Result {
  return context.run(fields, work)
}

/**
 * Secrets by their shape, wherever in a line they stand: a signed URL's query, a token of three base64url parts,
 * and the values of fields that are secret by name. Each pattern keeps what tells the reader what was there.
 */
const secretShapes: [RegExp, string][] = [
  [/(X-Amz-(?:Signature|Credential|Security-Token)=)[^&"\s\\]+/gi, '$1[redacted]'],
  [/([?&](?:Signature|Key-Pair-Id|Policy|token)=)[^&"\s\\]+/g, '$1[redacted]'],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '[redacted token]'],
  [/(\/api\/v1\/files\/)[^"\s\\?]+/g, '$1[redacted]'],
  [/((?:Bearer|Basic) )[\w.~+/=-]+/gi, '$1[redacted]'],
  [/(\b\w+:\/\/[^:/@\s"]+:)[^@\s"]+@/g, '$1[redacted]@'],
  [
    /("(?:password|new_password|access_token|refresh_token|authorization|cookie|set-cookie|secret\w*|jwt\w*)":)"(?:[^"\\]|\\.)*"/gi,
    '$1"[redacted]"',
  ],
]

/** Takes secrets out of one finished line, so that no caller has to remember to. */
export function redact(line: string): string {
  return secretShapes.reduce((text, [shape, instead]) => text.replace(shape, instead), line)
}

/** JSON lines, or lines for people when `isTerminal`. `destination` is standard output unless a test keeps the lines. */
export function makeLogger(options: { level: string; isTerminal: boolean; destination?: DestinationStream }): Logger {
  const people = options.isTerminal ? pretty({ translateTime: 'HH:MM:ss', ignore: 'pid,hostname' }) : undefined
  return pino(
    {
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => context.getStore() ?? {},
      hooks: { streamWrite: redact },
    },
    options.destination ?? people ?? pino.destination({ dest: 1, sync: true }),
  )
}
