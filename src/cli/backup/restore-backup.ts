import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import type { Logger } from 'pino'

import { closeAll, type Closer, maxUploadMemoryBytes, openStores } from '../../app.ts'
import { sealTrail } from '../../audit/seal-trail.ts'
import { type ErasedLater, findPeopleErasedLater } from '../../backup/erased-people.ts'
import { InvalidBackup, InvalidContent, type FileLine } from '../../backup/backup-manifest.ts'
import { type OpenedBackup, readVerificationKey } from '../../backup/open-backup.ts'
import {
  restoreBackup as restoreFrom,
  type RestoreResult,
  type RestoreNeeds,
  type RestoreStore,
} from '../../backup/restore-backup.ts'
import { RetriesExhausted, type WaitTimes, defaultWaitTimes } from '../../backup/retrying-store.ts'
import type { Config } from '../../config/load-config.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import { recordEvent, systemActor } from '../../database/audit/events.ts'
import { finishRestore } from '../../database/backup/restores.ts'
import { openConnections } from '../../database/connect-database.ts'
import { openDatabase } from '../../database/connection/client.ts'
import { storeUnavailable } from '../../documents/stores/reachable-stores.ts'
import { AppError } from '../../errors/app-error.ts'
import { createMetrics } from '../../metrics/metrics.ts'
import type { BackupStore } from '../../storage/backup-store/backup-store.ts'
import { openSpool } from '../../storage/spool/spool.ts'
import { eraseAgain } from '../../people/personal-data/erase-again-after-restore.ts'
import { createByteBudget } from '../../storage/streams/memory-budget.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import { withOpenApp } from '../command/run-command.ts'
import { requireReachable } from '../command/require-s3.ts'
import { withShutdownSignal } from '../command/shutdown-signal.ts'
import { CommandFailed, explainGaveUp } from '../printing/explain-failure.ts'
import {
  createWaitingPrinter,
  formatBytes,
  formatCount,
  type Printer,
  type Progress,
  showProgress,
  stoppedResumable,
} from '../printing/printer.ts'
import type { RestoreBackupOptions } from './backup-commands.ts'
import { warnRowsOnly } from './create-backup.ts'
import { openBackupStore, openChosenBackup, readKeyFile } from './open-backup-store.ts'
import { reportRestored } from './print-restore.ts'

type CommandNeeds = { config: Config; log: Logger; print: Printer }

/**
 * `backup restore`: restores files and rows, migrates the tables to this version, and seals the audit trail in this
 * database.
 */
export async function restore(needs: CommandNeeds, where: PathOrBucket, options: RestoreBackupOptions): Promise<void> {
  const { opened, restored, erasedLater } = await withShutdownSignal((signal) =>
    restoreRowsAndFiles({ ...needs, signal }, where, options),
  )
  const erasedAgain = await finish(needs, opened.name, { ...restored, erasedLater })
  reportRestored(needs.print, opened, { ...restored, erasedAgain, skipped: erasedLater.skipped })
}

async function restoreRowsAndFiles(
  needs: CommandNeeds & { signal: AbortSignal },
  where: PathOrBucket,
  options: RestoreBackupOptions,
) {
  const store = await openBackupStore(needs, where, { makes: false, policy: 'backup-restore' })
  try {
    const opened = await untilAborted(openChosenBackup(needs.print, store, options, 'newest_finished'), needs.signal)
    const key = await readKeyFile(options.publicKey, '--public-key', readVerificationKey)
    const erasedLater = await findPeopleErasedLater(store, opened, { key, signal: needs.signal })
    const restored = await withRestoring(needs, (parts) =>
      restoreBackup({ ...needs, ...parts }, { store, opened }, options),
    )
    return { opened, restored, erasedLater }
  } finally {
    store.close()
  }
}

type Finishing = Pick<RestoreResult, 'isRowsOnly'> & { erasedLater: ErasedLater }

/** Returns how many people were erased again. */
async function finish(needs: CommandNeeds, backup: string, { isRowsOnly, erasedLater }: Finishing): Promise<number> {
  return await withOpenApp({ ...needs, isRestoring: true }, async ({ db, now, ownerConnection }) => {
    const erasedAgain = await eraseAgain({ db, now }, systemActor('restore'), erasedLater.userIds)
    await recordEvent(db, systemActor('restore'), {
      action: 'backup.restored',
      outcome: 'ok',
      details: { backup, rows_only: isRowsOnly },
    })
    await sealTrail({ db })
    const { db: ownerDb } = openDatabase({ ...ownerConnection, max: 1 }, needs.log)
    try {
      await finishRestore(ownerDb)
    } finally {
      await ownerDb.destroy()
    }
    return erasedAgain
  })
}

/** Opens an empty database, as its owner, and the stores for a restore. */
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
    // These stores issue no links.
    const linkKey = randomBytes(32)
    const stores = await openStores(config, { db: ownerDb, log, metrics: createMetrics(), linkKey, s3Limits: {} })
    opened.push(async () => stores.close())
    const spool = await openSpool(join(config.dataDir, 'spool'))
    return await work({ ownerDb, owner, stores, spool, budget: createByteBudget(maxUploadMemoryBytes) })
  } finally {
    await closeAll(opened)
  }
}

type Needs = RestoreNeeds & { config: Config; print: Printer; signal: AbortSignal; patience?: WaitTimes }

/** Restores files and rows. Prints its findings; throws `CommandFailed` when a signal stopped it. */
export async function restoreBackup(
  needs: Needs,
  { store, opened }: { store: BackupStore; opened: OpenedBackup },
  options: RestoreBackupOptions,
): Promise<RestoreResult> {
  const { print, signal, patience = defaultWaitTimes } = needs
  const { manifest, name } = opened
  const isWithFiles = !manifest.backup.rows_only && options.files
  const { count: files, bytes } = manifest.files
  print.text(`${name}, taken ${manifest.backup.taken_at}: ${formatCount(files, 'file')}, ${formatBytes(bytes)}.`)
  warnRowsOnly(print, manifest)
  const progress = showProgress(print, { files, bytes })
  const done = { files: 0, bytes: 0 }
  try {
    return await restoreFrom(needs, store, opened, {
      into: isWithFiles ? await storeOf(needs) : undefined,
      reads: options.read === true,
      concurrency: options.concurrency,
      signal,
      ...patience,
      onWaiting: createWaitingPrinter((line) => progress.print(line), patience.patienceMs),
      onTable: (table) => print.json({ event: 'table', table }),
      onRestored(sofar) {
        done.files += 1
        done.bytes = sofar.bytes
        progress.update(done)
      },
      onFileChecked(line, found) {
        done.files += 1
        done.bytes += line.size
        progress.update(done)
        if (found !== 'there') printFile({ print, progress }, line, found)
      },
      withoutDamaged: options.withoutDamaged === true,
      onLacking: (line) => printFile({ print, progress }, line, line.fate === 'kept' ? 'damaged' : 'not_in_the_backup'),
    })
  } catch (error) {
    if (error instanceof InvalidBackup) throw notRestored(name, error)
    if (!signal.aborted) throw error instanceof RetriesExhausted ? explainGaveUp(error, 'it resumes') : error
    print.json({ event: 'finished', ok: false, complete: false, backup: name })
    progress.print(stoppedResumable)
    throw new CommandFailed()
  } finally {
    progress.end()
  }
}

type Output = { print: Printer; progress: Progress }

function printFile({ print, progress }: Output, line: FileLine, found: string): void {
  const { firm_id, document_id, version, key } = line
  print.json({ event: 'file', found, firm_id, document_id, version, key })
  progress.print(
    `${print.mark(false)} document ${document_id} version ${version ?? '?'}, ${key}: ${found.replaceAll('_', ' ')}`,
  )
}

function notRestored(name: string, error: InvalidBackup): AppError {
  const message = `The backup ${name} cannot be restored: ${error.message}. \`backup verify\` lists all its problems.`
  const advice =
    error instanceof InvalidContent
      ? ' Copy the file from another copy of the backup, or run this again with --without-damaged to restore everything else.'
      : ''
  return new AppError('gone', `${message}${advice}`, { cause: error })
}

async function storeOf({ config, stores, signal }: Needs): Promise<RestoreStore> {
  const { local, s3 } = stores
  if (!config.useS3) return { store: 'local', name: config.uploadsDir, storeId: local.storeId, files: local }
  await requireReachable(config.s3, signal)
  if (s3 === undefined) throw storeUnavailable()
  return { store: 's3', name: config.s3.bucket, storeId: null, files: s3 }
}
