import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import { connectDatabase, type ConnectedDatabase } from '../database/connect.ts'

/** For a command that needs nothing else: joins the database of a running service, or starts the embedded one for as long as it takes. */
export async function withDatabase<Result>(
  { config, log, comparesAll = false }: { config: ConfigWithoutTokens; log: Logger; comparesAll?: boolean },
  work: (database: ConnectedDatabase) => Promise<Result>,
): Promise<Result> {
  const database = await connectDatabase({ config: config.database, dataDir: config.dataDir, log, comparesAll })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}
