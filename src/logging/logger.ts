import { type DestinationStream, type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

import { currentSpan, logContext } from './spans.ts'
import { redact, redactFields, redactKeys } from './redact.ts'

type LoggerOptions = {
  level: string
  /** Lines for people instead of JSON. */
  isTerminal: boolean
  /** Default: standard output. */
  destination?: DestinationStream
}

/** Creates a logger with one line per event, without secrets and control characters. */
export function createLogger({ level, isTerminal, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields, bindings: redactFields },
      serializers: { err: (error: Error) => redactKeys(pino.stdSerializers.err(error)) },
      // A copy: pino adds the fields of the line to it.
      mixin: () => ({ ...logContext(), trace_id: currentSpan()?.traceId }),
      hooks: { streamWrite: isTerminal ? createTerminalFormat(level) : (line) => escapeRawControls(redact(line)) },
    },
    // Synchronous, so that the last line before the end of the process is not lost.
    destination ?? pino.destination({ dest: 1, sync: true }),
  )
}

/** Frequent on every instance. On a terminal they would hide the start block and the requests. */
const hiddenOnTerminal = new Set<unknown>(['job_finished', 'task_finished'])
const levelsWithFields = new Set<unknown>(['warn', 'error', 'fatal'])

/**
 * Formats lines for a terminal: one line per request or event, with fields only for warnings and errors. The levels
 * `debug` and `trace` show everything.
 */
function createTerminalFormat(level: string): (line: string) => string {
  const options = {
    translateTime: 'HH:MM:ss',
    ignore: 'pid,hostname',
    // Otherwise the text after a line break in a message would look like another log line.
    messageFormat: (log: Record<string, unknown>, messageKey: string) =>
      textOf(log[messageKey] ?? log['event']).replaceAll('\n', String.raw`\n`),
  }
  const full = prettyFactory(options)
  const brief = prettyFactory({ ...options, hideObject: true })
  const isDetailed = level === 'debug' || level === 'trace'

  return (line) => {
    const safe = escapeTwice(redact(line))
    // pino writes one object a line.
    const entry = JSON.parse(safe) as Record<string, unknown>
    if (isDetailed || levelsWithFields.has(entry['level'])) return full(safe)
    if (hiddenOnTerminal.has(entry['event'])) return ''
    return entry['event'] === 'request' ? `${formatRequest(entry)}\n` : brief(safe)
  }
}

/** `POST /documents 201 12 ms`. */
function formatRequest({ method, route, status, duration_ms: ms, aborted }: Record<string, unknown>): string {
  const outcome = typeof status === 'number' ? status : 'no answer'
  return `${textOf(method)} ${textOf(route)} ${outcome} ${Math.round(Number(ms))} ms${aborted === true ? ', aborted' : ''}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Characters that JSON does not escape but terminals interpret: DEL, C1, line separators, changes of direction. */
const rawControls = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

function escapeRawControls(line: string): string {
  return line.replace(rawControls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Escapes that stay escapes when the line's JSON is read, so that people see `\u001b` and the terminal does nothing. */
function escapeTwice(line: string): string {
  return escapeRawControls(line).replace(/\\(?:\\|u(?!0009|000a)[0-9a-f]{4}|[bfr])/g, (escape) =>
    escape === '\\\\' ? escape : `\\${escape}`,
  )
}
