import { constants } from 'node:os'
import { Interrupted } from '../cli/printing/explain-failure.ts'
import { clearingProgress } from '../cli/printing/printer.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

// npm hands on the Ctrl-C that the terminal has sent to us already: one keystroke arrives twice.
const sameKeystrokeMs = 300

/** Said when it was told to end for the first time. */
export const shutdownNotice = 'Stopping; once more ends at once.\n'

/** Waits for SIGINT or SIGTERM. From then on another one ends the process at once, whatever it is doing. */
export async function waitForShutdownSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let toldAt: number | undefined
    const hear = (signal: NodeJS.Signals) => {
      if (toldAt === undefined) {
        toldAt = performance.now()
        resolve(signal)
      } else if (performance.now() - toldAt > sameKeystrokeMs) {
        process.exit(128 + constants.signals[signal])
      }
    }
    for (const signal of signals) process.on(signal, hear)
  })
}

/** Runs work with a signal that aborts on SIGINT or SIGTERM; another one ends the process at once. */
export async function withShutdownSignal<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const telling = new AbortController()
  const heed = () => {
    for (const signal of signals) process.off(signal, heed)
    if (process.stderr.isTTY) clearingProgress(process.stderr).write(shutdownNotice)
    telling.abort(new Interrupted())
  }
  for (const signal of signals) process.on(signal, heed)
  try {
    return await work(telling.signal)
  } finally {
    for (const signal of signals) process.off(signal, heed)
  }
}
