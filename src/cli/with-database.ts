import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import { connectDatabase, type ConnectedDatabase } from '../database/connect.ts'
import { untilAborted } from '../storage/read-as-it-grows.ts'

type Needs = {
  config: ConfigWithoutTokens
  log: Logger
  /** Aborts when somebody tells the command to end. */
  signal: AbortSignal
  comparesAll?: boolean
}

/**
 * For a command that needs nothing else: joins the database of a running service, or starts the embedded one for as long as
 * it takes. Throws `ToldToEnd` when it is told to end; an embedded one that was started for it ends too.
 */
export async function withDatabase<Result>(
  { config, log, signal, comparesAll = false }: Needs,
  work: (database: ConnectedDatabase) => Promise<Result>,
): Promise<Result> {
  const { database: itsConfig, dataDir } = config
  const database = await connectDatabase({ config: itsConfig, dataDir, log, comparesAll, signal }).catch(
    (error: unknown) => {
      signal.throwIfAborted()
      throw error
    },
  )
  try {
    signal.throwIfAborted()
    return await untilAborted(work(database), signal)
  } finally {
    await database.close()
  }
}
