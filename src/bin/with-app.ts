import type { Logger } from 'pino'

import { type App, openApp } from '../app.ts'
import type { Config } from '../config.ts'
import { withSignal } from './with-signal.ts'

/**
 * For a command that works on documents: opens the whole, beside a running service, and closes it when the work is over.
 * The signal aborts when somebody tells the command to end.
 */
export async function withApp<Result>(
  { config, log, isRestoring = false }: { config: Config; log: Logger; isRestoring?: boolean },
  work: (app: App, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const app = await openApp(config, log, { isRestoring })
  try {
    return await withSignal((signal) => work(app, signal))
  } finally {
    await app.close()
  }
}
