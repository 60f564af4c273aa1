import { constants } from 'node:os'

import { Interrupted } from '../printing/explain-failure.ts'
import { clearingProgress } from '../printing/printer.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

// npm forwards the Ctrl-C that the terminal has already sent to this process: one keystroke arrives twice.
const sameKeystrokeMs = 300

/** Printed at the first shutdown signal. */
export const shutdownNotice = 'Stopping. Press Ctrl-C again to stop at once.\n'

/** Waits for SIGINT or SIGTERM. A later one ends the process at once. */
export async function waitForShutdownSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => void onShutdownSignal(resolve))
}

/** Runs work with a signal that aborts on SIGINT or SIGTERM. A later one ends the process at once. */
export async function withShutdownSignal<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  const stopListening = onShutdownSignal(() => {
    if (process.stderr.isTTY) clearingProgress(process.stderr).write(shutdownNotice)
    controller.abort(new Interrupted())
  })
  try {
    return await work(controller.signal)
  } finally {
    stopListening()
  }
}

/** Passes the first signal on. A later one ends the process at once. Returns what ends this. */
function onShutdownSignal(pass: (signal: NodeJS.Signals) => void): () => void {
  let receivedAt: number | undefined
  const handle = (signal: NodeJS.Signals) => {
    if (receivedAt === undefined) {
      receivedAt = performance.now()
      pass(signal)
    } else if (performance.now() - receivedAt > sameKeystrokeMs) {
      process.exit(128 + constants.signals[signal])
    }
  }
  for (const signal of signals) process.on(signal, handle)
  return () => {
    for (const signal of signals) process.off(signal, handle)
  }
}
