import type { Logger } from 'pino'

import { type App, openApp } from '../app.ts'
import type { Config } from '../config.ts'

/**
 * For a command that works on documents: opens the whole, beside a running service, and closes it when the work is over.
 * The signal aborts when somebody tells the command to end.
 */
export async function withApp<Result>(
  { config, log }: { config: Config; log: Logger },
  work: (app: App, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const app = await openApp(config, log)
  const telling = new AbortController()
  const tell = () => telling.abort(new Error('It was told to end.'))
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, tell)
  try {
    return await work(app, telling.signal)
  } finally {
    for (const signal of signals) process.off(signal, tell)
    await app.close()
  }
}
