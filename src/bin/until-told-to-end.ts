import { constants } from 'node:os'

// npm hands on the Ctrl-C that the terminal has sent to us already: one keystroke arrives twice.
const sameKeystrokeMs = 300

/** Said when it was told to end for the first time. */
export const stopping = 'Stopping; once more ends at once.\n'

/** Waits for SIGINT or SIGTERM. From then on another one ends the process at once, whatever it is doing. */
export async function untilToldToEnd(): Promise<NodeJS.Signals> {
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
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hear)
  })
}
