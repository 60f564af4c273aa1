import { styleText } from 'node:util'

import type { Stores } from '../../documents/stores/reachable-stores.ts'
import type { Waiting } from '../../documents/stores/wait-for-s3.ts'

type Style = Parameters<typeof styleText>[0]

/** Prints the results of a command: lines for people, coloured on a terminal, or JSON for machines. */
export type Printer = {
  readonly isJson: boolean
  /** Prints a line for people; nothing with `--json`. */
  text(line: string): void
  /** Prints an object for machines; nothing without `--json`. */
  json(object: object): void
  paint(style: Style, text: string): string
  /** The mark that a line for people begins with: success, failure or a note. */
  mark(isRight: boolean | 'note'): string
}

export function createPrinter(isJson: boolean, stream: NodeJS.WriteStream = process.stdout): Printer {
  // styleText omits colours when the stream is not a terminal or NO_COLOR is set.
  const paint: Printer['paint'] = (style, text) => styleText(style, text, { stream })
  return {
    isJson,
    paint,
    mark: (isRight) => (isRight === 'note' ? paint('yellow', '!') : isRight ? paint('green', '✓') : paint('red', '✗')),
    text(line) {
      if (!isJson) stream.write(`${line}\n`)
    },
    json(object) {
      if (isJson) stream.write(`${JSON.stringify(object)}\n`)
    },
  }
}

export type Amount = { files: number; bytes: number }

export type Progress = {
  update(done: Amount): void
  /** Prints a line without breaking the bar. */
  print(line: string): void
  end(): void
}

const clearLine = '\r\u001b[K'
const barWidth = 24
/** Frequent on a terminal, rare in output that goes to a file. */
const intervalMs = { terminal: 200, lines: 10_000, json: 1000 }

/**
 * Shows the progress of long work: a bar on a terminal, a line every ten seconds in a file, a JSON object every second
 * for machines.
 */
export function showProgress(print: Printer, total: Amount, stream: NodeJS.WriteStream = process.stderr): Progress {
  const kind = print.isJson ? 'json' : stream.isTTY ? 'terminal' : 'lines'
  const startedAt = performance.now()
  let shownAt = kind === 'terminal' ? -Infinity : startedAt
  const clear = () => void (kind === 'terminal' && stream.write(clearLine))

  return {
    update(done) {
      const now = performance.now()
      if (now - shownAt < intervalMs[kind]) return
      shownAt = now
      const seconds = (now - startedAt) / 1000
      if (kind === 'json') return print.json({ event: 'progress', ...progressOf(done, total, seconds) })
      const line = describeProgress(done, total, seconds)
      if (kind === 'terminal') stream.write(`${clearLine}${barOf(done, total)} ${line}`)
      else print.text(line)
    },
    print(line) {
      clear()
      print.text(line)
    },
    end: clear,
  }
}

/** Wraps a stream for log lines: on a terminal each line replaces the progress bar, which is printed again below. */
export function clearingProgress(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>): { write(line: string): void } {
  return { write: (line) => void stream.write(stream.isTTY ? `${clearLine}${line}` : line) }
}

/** For machines. `seconds_left` is null until something is done. */
export function progressOf(done: Amount, total: Amount, seconds: number) {
  const bytesPerSecond = done.bytes / seconds
  const shareDone = shareOf(done, total)
  return {
    files: done.files,
    files_total: total.files,
    bytes: done.bytes,
    bytes_total: total.bytes,
    bytes_per_second: Math.round(bytesPerSecond),
    files_per_second: Math.round((done.files / seconds) * 10) / 10,
    seconds_left: shareDone === 0 ? null : Math.round((seconds / shareDone) * (1 - shareDone)),
  }
}

/** `1 204 of 10 000 files, 118 MB of 1.0 GB, 9.8 MB/s, 1 min 30 s left`; without bytes when the total has none. */
export function describeProgress(done: Amount, total: Amount, seconds: number): string {
  const { bytes_per_second: rate, seconds_left: left } = progressOf(done, total, seconds)
  const files = `${formatCount(done.files)} of ${formatCount(total.files, 'file')}`
  const bytes =
    total.bytes === 0 ? '' : `, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}, ${formatBytes(rate)}/s`
  return `${files}${bytes}${left === null ? '' : `, ${formatDuration(left)} left`}`
}

function barOf(done: Amount, total: Amount): string {
  const filled = Math.round(shareOf(done, total) * barWidth)
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
}

/** Small files take time too: the share of files and the share of bytes count equally. */
function shareOf(done: Amount, total: Amount): number {
  const files = partOf(done.files, total.files)
  if (total.bytes === 0) return Math.min(1, files)
  return Math.min(1, (files + partOf(done.bytes, total.bytes)) / 2)
}

function partOf(done: number, total: number): number {
  return total === 0 ? 1 : done / total
}

/** `1 204`; with what is counted, `1 204 files` and `1 file`. */
export function formatCount(count: number, noun?: string): string {
  const digits = count.toLocaleString('en').replaceAll(',', ' ')
  if (noun === undefined) return digits
  return count === 1 ? `${digits} ${noun}` : `${digits} ${noun}s`
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** Prints that the command waits for S3, and how the wait ended. */
export function createWaitingPrinter(printLine: (line: string) => void, patienceMs: number): (state: Waiting) => void {
  const words: Record<Waiting, string> = {
    waiting: `S3 does not answer. Waiting for it, up to ${formatMinutes(patienceMs)}. Ctrl-C stops safely.`,
    back: 'S3 answers again.',
    given_up: `S3 did not answer for ${formatMinutes(patienceMs)}.`,
  }
  return (state) => printLine(words[state])
}

function formatMinutes(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}

/** For a stopped command that resumes. */
export const stoppedResumable = 'Stopped before the end. Run it again to resume.'

/** For a stopped command that starts over each time. */
export const stoppedIncomplete = 'Stopped before the end: this result says nothing about the rest. Run it again.'

/** For a command that S3 stopped, and that resumes. */
export function describeS3Outage({ s3 }: Stores): string {
  return `S3 cannot be used (${s3?.outage()?.s3Code ?? 'no answer'}). Find the cause with ./bin/paniq-docs s3 test, and run this again to resume.`
}
