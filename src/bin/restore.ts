import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import type { Logger } from 'pino'

import { closeAll, type Closer, openStores, maxUploadMemoryBytes } from '../app.ts'
import type { Restored, RestoreNeeds } from '../backup/restore-backup.ts'
import type { RestoreBackupOptions } from '../cli/backup/add-backup.ts'
import { openBackupPlace, openNamed } from '../cli/backup/open-backup-place.ts'
import type { Printer } from '../cli/printing/printer.ts'
import { restoreBackup, reportRestored } from '../cli/backup/restore-backup.ts'
import type { PathOrBucket } from '../config/setting-formats.ts'
import type { Config } from '../config/config.ts'
import { finishRestore } from '../database/backup/prepare-restore.ts'
import { openDatabase } from '../database/connection/client.ts'
import { openConnections } from '../database/connect-database.ts'
import { recordEvent, systemActor } from '../database/audit/events.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { makeByteBudget } from '../storage/streams/memory-budget.ts'
import { untilAborted } from '../storage/streams/read-as-it-grows.ts'
import { openSpool } from '../storage/spool/spool.ts'
import { withShutdownSignal } from './shutdown-signal.ts'
import { withApp } from './with-app.ts'
import { gatherRestored } from '../audit/seal-trail.ts'

type Needs = { config: Config; log: Logger; print: Printer }

/** Restores rows and files, brings the tables up to this version, and seals the trail under this database's numbers. */
export async function restore(needs: Needs, where: PathOrBucket, options: RestoreBackupOptions): Promise<void> {
  const { opened, restored } = await withShutdownSignal((signal) =>
    restoreRowsAndFiles({ ...needs, signal }, where, options),
  )
  await finish(needs, opened.name, restored)
  reportRestored(needs.print, opened, restored)
}

async function restoreRowsAndFiles(
  needs: Needs & { signal: AbortSignal },
  where: PathOrBucket,
  options: RestoreBackupOptions,
) {
  const place = await openBackupPlace(needs, where, { makes: false, policy: 'backup-restore' })
  try {
    const opened = await untilAborted(openNamed(needs.print, place, options, 'newest_finished'), needs.signal)
    const restored = await withRestoring(needs, (parts) =>
      restoreBackup({ ...needs, ...parts }, { place, opened }, options),
    )
    return { opened, restored }
  } finally {
    place.close()
  }
}

async function finish(needs: Needs, backup: string, { isRowsOnly }: Restored): Promise<void> {
  await withApp({ ...needs, isRestoring: true }, async ({ db, ownerConnection }) => {
    await recordEvent(db, systemActor('restore'), {
      action: 'backup.restored',
      outcome: 'ok',
      details: { backup, rows_only: isRowsOnly },
    })
    await gatherRestored(db)
    const { db: ownerDb } = openDatabase({ ...ownerConnection, max: 1 }, needs.log)
    try {
      await finishRestore(ownerDb)
    } finally {
      await ownerDb.destroy()
    }
  })
}

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
    const stores = await openStores(config, { db: ownerDb, log, metrics: createMetrics(), linkKey, s3Patience: {} })
    opened.push(async () => stores.close())
    const spool = await openSpool(join(config.dataDir, 'spool'))
    return await work({ ownerDb, owner, stores, spool, budget: makeByteBudget(maxUploadMemoryBytes) })
  } finally {
    await closeAll(opened)
  }
}
