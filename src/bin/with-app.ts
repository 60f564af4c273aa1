import type { Logger } from 'pino'

import { type App, openApp } from '../app.ts'
import type { Config } from '../config.ts'
import { withSignal } from './shutdown-signal.ts'

/**
 * For a command that works on documents: opens the whole, beside a running service, and closes it when the work is over.
 * The signal aborts when somebody tells the command to end; throws `ToldToEnd` where that was before it was open.
 */
export async function withApp<Result>(
  { config, log, isRestoring = false }: { config: Config; log: Logger; isRestoring?: boolean },
  work: (app: App, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return withSignal(async (signal) => {
    const app = await openApp(config, log, { isRestoring }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw error
    })
    try {
      signal.throwIfAborted()
      return await work(app, signal)
    } finally {
      await app.close()
    }
  })
}
