import type { Logger } from 'pino'

import { type App, openApp } from '../app.ts'
import type { Config } from '../config/config.ts'
import { withShutdownSignal } from './shutdown-signal.ts'

/** Opens the app for a command. Throws `Interrupted` when the shutdown signal came before it was open. */
export async function withApp<Result>(
  { config, log, isRestoring = false }: { config: Config; log: Logger; isRestoring?: boolean },
  work: (app: App, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return withShutdownSignal(async (signal) => {
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
