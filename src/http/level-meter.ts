import type { Logger } from 'pino'

import type { Db, PoolCounts } from '../database/client.ts'
import type { Stores } from '../documents/stores.ts'
import type { Metrics } from '../metrics.ts'
import type { PlannedWork } from '../operations/planned-work.ts'
import type { Scanner } from '../scanner/scanner.ts'
import type { ByteBudget } from '../storage/byte-budget.ts'
import { readDiskRoom } from '../storage/read-disk-room.ts'
import type { Spool } from '../storage/spool.ts'
import { forgetRows, showRows } from './show-rows.ts'
import { makeProbe, type Probe } from './probe.ts'

export type LevelsNeeds = {
  metrics: Metrics
  db: Db
  log: Logger
  budget: ByteBudget
  spool: Pick<Spool, 'bytes'>
  stores: Stores
  scanner: Scanner | undefined
  plan: readonly PlannedWork[]
  /** Where files lie for good, and on their way. */
  folders: { uploads: string; data: string }
  countConnections(): PoolCounts
}

/** Takes every figure that is not counted as it happens; asks the database and the disks at most every two seconds. */
export function levelMeter(needs: LevelsNeeds): () => Promise<void> {
  const { metrics, log } = needs
  const tell = (what: string) => (error: unknown) =>
    log.warn({ event: 'metrics_incomplete', err: error }, `${what} could not be looked at`)
  const askDatabase = makeProbe(() => showRows(needs), tell('the database'))
  const askDisks = (['uploads', 'data'] as const).map((folder) => ({
    folder,
    ask: makeProbe(() => showDisk(needs, folder), tell(`the disk of ${folder}`)),
  }))

  return async () => {
    showOwn(needs)
    const showDisks = askDisks.map((disk) => forgetUnless(needs, disk))
    const isAnswering = await askDatabase()
    metrics.databaseUp.set(isAnswering ? 1 : 0)
    // An old count would look like a present one.
    if (!isAnswering) forgetRows(metrics)
    await Promise.all(showDisks)
  }
}

/** What this process knows by itself. */
function showOwn(needs: LevelsNeeds): void {
  const { metrics, budget, spool, stores } = needs
  if (stores.s3 !== undefined) metrics.s3Available.set(stores.s3.outage() === undefined ? 1 : 0)
  else metrics.s3Available.remove()
  // The sweep sets it; without a scanner there is none.
  if (needs.scanner === undefined) metrics.scannerUp.remove()
  const { inUse, idle, waiting, most } = needs.countConnections()
  metrics.databaseConnections.set({ state: 'in_use' }, inUse)
  metrics.databaseConnections.set({ state: 'idle' }, idle)
  metrics.databaseConnections.set({ state: 'waiting' }, waiting)
  metrics.databaseConnectionsMost.set(most)
  metrics.uploadMemory.set({ kind: 'used' }, budget.totalBytes - budget.free())
  metrics.uploadMemory.set({ kind: 'limit' }, budget.totalBytes)
  metrics.uploadsWaiting.set(budget.waiting())
  metrics.spoolBytes.set(spool.bytes())
}

type Folder = keyof LevelsNeeds['folders']

async function showDisk({ metrics, folders }: LevelsNeeds, folder: Folder): Promise<void> {
  const { freeBytes, sizeBytes } = await readDiskRoom(folders[folder])
  metrics.diskFree.set({ folder }, freeBytes)
  metrics.diskSize.set({ folder }, sizeBytes)
}

async function forgetUnless({ metrics }: LevelsNeeds, { folder, ask }: { folder: Folder; ask: Probe }): Promise<void> {
  if (await ask()) return
  metrics.diskFree.remove({ folder })
  metrics.diskSize.remove({ folder })
}
