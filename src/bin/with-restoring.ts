import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import type { Logger } from 'pino'

import { type Closer, closeAll, openStores, uploadMemoryBytes } from '../app.ts'
import type { RestoreNeeds } from '../backup/restore-backup.ts'
import type { Config } from '../config.ts'
import { openDatabase } from '../database/client.ts'
import { openConnections } from '../database/connect.ts'
import { makeMetrics } from '../metrics.ts'
import { makeByteBudget } from '../storage/byte-budget.ts'
import { openSpool } from '../storage/spool.ts'

/** What a restore needs: a database in which nothing is made yet, as its owner, and the stores. */
export async function withRestoring<Result>(
  { config, log }: { config: Config; log: Logger },
  work: (needs: RestoreNeeds) => Promise<Result>,
): Promise<Result> {
  const opened: Closer[] = []
  try {
    const { owner, stop } = await openConnections({ config: config.database, dataDir: config.dataDir, log })
    opened.push(stop)
    const { db: ownerDb } = openDatabase({ ...owner, max: 4 }, log)
    opened.push(() => ownerDb.destroy())
    // Nobody follows a link of these stores.
    const linkKey = randomBytes(32)
    const stores = await openStores(config, { db: ownerDb, log, metrics: makeMetrics(), linkKey, s3Patience: {} })
    opened.push(async () => stores.close())
    const spool = await openSpool(join(config.dataDir, 'spool'))
    return await work({ ownerDb, owner, stores, spool, budget: makeByteBudget(uploadMemoryBytes) })
  } finally {
    await closeAll(opened)
  }
}
