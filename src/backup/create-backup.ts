import { randomUUID } from 'node:crypto'

import type { PoolConfig } from 'pg'
import type { Logger } from 'pino'

import { beginBackup, endBackup } from '../database/backup/running-backups.ts'
import { openSnapshot } from '../database/backup/snapshot.ts'
import { leftOutTables } from '../database/backup/tables-to-back-up.ts'
import type { Db } from '../database/connection/client.ts'
import { recordEvent, systemActor } from '../database/audit/events.ts'
import { inTransaction, OutcomeUnknown } from '../database/connection/in-transaction.ts'
import { findInstallationId } from '../database/schema/installation.ts'
import { AppError } from '../errors/app-error.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'
import { startHeartbeat, type BackupRun } from './heartbeat.ts'
import { type CopyCounts, copyFiles, type CopyProgress, listFiles } from './copy-files.ts'
import type { StoreFileNeeds } from './back-up-file.ts'
import {
  backupNameOf,
  folderOf,
  format,
  type Manifest,
  manifestName,
  signatureName,
  unfinishedName,
} from './backup-manifest.ts'
import { type RetryAndWaitOptions, createRetryingStore, type RetryingStore } from './retrying-store.ts'
import { type SigningKey, signManifest } from './open-backup.ts'
import { removeUnfinished, requireMarker, writeMarker } from './unfinished-backups.ts'
import { writeBuffer, writeRows } from './compressed-parts.ts'

export type CreateNeeds = StoreFileNeeds & {
  log: Logger
  now: Clock
  owner: PoolConfig
  version: string
}

type BackupRequest = RetryAndWaitOptions & {
  /** Lists the files without copying them. */
  isRowsOnly: boolean
  key: SigningKey | undefined
  concurrency: number
  onTable: (table: string) => void
  onTotal: (total: { files: number; bytes: number }) => void
  onFile: (progress: CopyProgress) => void
}

export type CreatedBackup = { name: string; manifest: Manifest; counts: CopyCounts; removedUnfinished: string[] }

/**
 * Creates a backup: the database at one point in time, and every file that its rows name. After a failure the backup is
 * marked as unfinished, and the next one removes it. An error after the end states that the backup is complete.
 */
export async function createBackup(
  needs: CreateNeeds,
  backupStore: BackupStore,
  request: BackupRequest,
): Promise<CreatedBackup> {
  const { db } = needs
  const installationId = await findInstallationId(db)
  const removed = await removeUnfinished(needs, createRetryingStore(backupStore, request), installationId)
  const id = randomUUID()
  const name = backupNameOf(needs.now().toISOString(), id)
  await beginBackup(db, { id, place: backupStore.address, name, isRowsOnly: request.isRowsOnly })
  const mark = async (store: BackupStore) =>
    writeMarker(store, name, { installationId, backupId: id, heartbeatAt: needs.now() })
  const renew = async () => {
    await requireMarker(backupStore, name, id)
    await mark(backupStore)
  }
  const heartbeat = startHeartbeat(needs, id, { signal: request.signal, renew })
  const { signal, progress } = heartbeat
  const retrying = createRetryingStore(backupStore, { ...request, signal }, { ...request, ...needs, progress })
  let created: Awaited<ReturnType<typeof writeBackup>>
  try {
    await mark(retrying)
    created = await writeBackup(needs, retrying, { ...request, run: heartbeat, id, name })
    await heartbeat.end()
    await requireMarker(retrying, name, id)
    await writeManifest(retrying, created.manifest, request.key)
  } catch (error) {
    // Removals wait for this row. Without a database it counts as dead after two minutes.
    await endBackup(db, id, { outcome: 'failed', files: 0, bytes: 0 }).catch(() => undefined)
    throw error
  } finally {
    heartbeat.stop()
  }
  await recordEnd(db, backupStore.address, created.manifest)
  return { name, removedUnfinished: removed, ...created }
}

type WriteRequest = BackupRequest & { run: BackupRun; id: string; name: string }

async function writeBackup(
  needs: CreateNeeds,
  backupStore: RetryingStore,
  request: WriteRequest,
): Promise<{ manifest: Manifest; counts: CopyCounts }> {
  const folder = folderOf(request.name)
  const { listed, ...rows } = await readDatabase(needs, backupStore, request)
  try {
    request.onTotal(listed.total)
    const copied = await copyFiles(needs, backupStore, { ...request, folder, listed })
    const manifest: Manifest = {
      format,
      backup: { id: request.id, name: request.name, taken_at: rows.takenAt, rows_only: request.isRowsOnly },
      installation_id: rows.installationId,
      made_by: { version: needs.version, database: rows.serverVersion },
      migrations: rows.migrations,
      events_since: rows.eventsSince ?? null,
      tables: rows.tables,
      left_out: leftOutTables,
      files: copied.files,
      signed_with: request.key?.fingerprint ?? null,
    }
    return { manifest, counts: copied.counts }
  } finally {
    await listed.remove()
  }
}

async function readDatabase(needs: CreateNeeds, backupStore: BackupStore, { name, run, onTable }: WriteRequest) {
  const snapshot = await openSnapshot(needs.owner)
  try {
    const tables = await writeRows(snapshot, backupStore, { folder: folderOf(name), ...run, onTable })
    const { takenAt, serverVersion, migrations } = snapshot
    const [eventsSince, installationId] = [await snapshot.firstEventAt(), await snapshot.installationId()]
    const listed = await listFiles(snapshot, needs.spool, run)
    return { takenAt, serverVersion, migrations, eventsSince, installationId, tables, listed }
  } finally {
    await snapshot.close()
  }
}

/** Writes the manifest, then removes the marker. */
async function writeManifest(backupStore: BackupStore, manifest: Manifest, key: SigningKey | undefined): Promise<void> {
  const folder = folderOf(manifest.backup.name)
  const bytes = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`)
  if (key !== undefined) await writeBuffer(backupStore, `${folder}${signatureName}`, signManifest(bytes, key))
  await writeBuffer(backupStore, `${folder}${manifestName}`, bytes)
  await backupStore.remove(`${folder}${unfinishedName}`)
}

/** Records a finished backup in the database. The error states that the backup is complete. */
async function recordEnd(db: Db, place: string, manifest: Manifest): Promise<void> {
  try {
    await writeEnd(db, place, manifest).catch(async (error: unknown) => {
      // It may be recorded already, and a repeat would write the audit event twice.
      if (error instanceof OutcomeUnknown) throw error
      await writeEnd(db, place, manifest)
    })
  } catch (error) {
    const outcome = error instanceof OutcomeUnknown ? 'may not have recorded' : 'has not recorded'
    throw new AppError(
      'store_unavailable',
      `The backup ${manifest.backup.name} is complete and can be restored, but the database ${outcome} it: until the next backup, the one before counts as the last. Check that the database answers. There is no need to repeat this backup.`,
      { cause: error },
    )
  }
}

async function writeEnd(db: Db, place: string, { backup, files: { count: files, bytes, lacking } }: Manifest) {
  const { id, name, rows_only } = backup
  await inTransaction(db, async (tx) => {
    await endBackup(tx, id, { outcome: lacking > 0 ? 'lacking' : 'whole', files, bytes })
    await recordEvent(tx, systemActor(id), {
      action: 'backup.created',
      outcome: 'ok',
      details: { backup: name, place, rows_only, files, lacking },
    })
  })
}
