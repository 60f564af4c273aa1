import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import type { Logger } from 'pino'

import { closeAll, type Closer, maxUploadMemoryBytes, openStores } from '../../app.ts'
import { sealRestored } from '../../audit/seal-trail.ts'
import { InvalidBackup, InvalidContent, type FileLine } from '../../backup/manifest.ts'
import type { OpenedBackup } from '../../backup/open-backup.ts'
import {
  restoreBackup as restoreFrom,
  type RestoreResult,
  type RestoreNeeds,
  type RestoreStore,
} from '../../backup/restore-backup.ts'
import { RetriesExhausted, type WaitTimes, defaultWaitTimes } from '../../backup/retrying-store.ts'
import type { Config } from '../../config/config.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import { recordEvent, systemActor } from '../../database/audit/events.ts'
import { finishRestore } from '../../database/backup/prepare-restore.ts'
import { openConnections } from '../../database/connect-database.ts'
import { openDatabase } from '../../database/connection/client.ts'
import { AppError } from '../../errors/app-error.ts'
import { createMetrics } from '../../metrics/metrics.ts'
import type { BackupStore } from '../../storage/backup-store/backup-store.ts'
import { findS3Trouble } from '../../storage/connection-test/find-bucket.ts'
import { openSpool } from '../../storage/spool/spool.ts'
import { createByteBudget } from '../../storage/streams/memory-budget.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import { withOpenApp } from '../command/run-command.ts'
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
import { openBackupPlace, openNamed } from './open-backup-place.ts'
import { reportRestored } from './print-restore.ts'

type CommandNeeds = { config: Config; log: Logger; print: Printer }

/** `backup restore`: restores files and rows, migrates the tables to this version, and seals the audit trail in this database. */
export async function restore(needs: CommandNeeds, where: PathOrBucket, options: RestoreBackupOptions): Promise<void> {
  const { opened, restored } = await withShutdownSignal((signal) =>
    restoreRowsAndFiles({ ...needs, signal }, where, options),
  )
  await finish(needs, opened.name, restored)
  reportRestored(needs.print, opened, restored)
}

async function restoreRowsAndFiles(
  needs: CommandNeeds & { signal: AbortSignal },
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

async function finish(needs: CommandNeeds, backup: string, { isRowsOnly }: RestoreResult): Promise<void> {
  await withOpenApp({ ...needs, isRestoring: true }, async ({ db, ownerConnection }) => {
    await recordEvent(db, systemActor('restore'), {
      action: 'backup.restored',
      outcome: 'ok',
      details: { backup, rows_only: isRowsOnly },
    })
    await sealRestored(db)
    const { db: ownerDb } = openDatabase({ ...ownerConnection, max: 1 }, needs.log)
    try {
      await finishRestore(ownerDb)
    } finally {
      await ownerDb.destroy()
    }
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
    const stores = await openStores(config, { db: ownerDb, log, metrics: createMetrics(), linkKey, s3Patience: {} })
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
  { place, opened }: { place: BackupStore; opened: OpenedBackup },
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
    return await restoreFrom(needs, place, opened, {
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
        if (found !== 'there') nameFile({ print, progress }, line, found)
      },
      withoutDamaged: options.withoutDamaged === true,
      onLacking: (line) => nameFile({ print, progress }, line, line.fate === 'kept' ? 'damaged' : 'not_in_the_backup'),
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

type Told = { print: Printer; progress: Progress }

function nameFile({ print, progress }: Told, line: FileLine, found: string): void {
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
  const trouble = await untilAborted(findS3Trouble(config.s3), signal)
  if (trouble !== undefined || s3 === undefined)
    throw new AppError('store_unavailable', `S3 cannot be used: ${trouble?.message}. ${trouble?.advice}`)
  return { store: 's3', name: config.s3.bucket, storeId: null, files: s3 }
}
