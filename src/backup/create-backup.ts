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
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'
import { type Beating, keepBeating, type Underway } from './heartbeat.ts'
import { type CopyCounts, copyFiles, type FileTold, listFiles } from './copy-files.ts'
import type { KeepNeeds } from './store-file.ts'
import {
  backupNameOf,
  folderOf,
  format,
  type Manifest,
  manifestName,
  signatureName,
  unfinishedName,
} from './manifest.ts'
import { type BackupPatience, makePatient, type PatientPlace } from './retrying-place.ts'
import { type SigningKey, signManifest } from './open-backup.ts'
import { removeUnfinished, requireMark, writeMark } from './unfinished-backups.ts'
import { writeBytes, writeRows } from './parts.ts'

export type CreateNeeds = KeepNeeds & {
  log: Logger
  now: Clock
  owner: PoolConfig
  version: string
}

type BackupWish = BackupPatience & {
  /** Lists the files and copies none. */
  isRowsOnly: boolean
  key: SigningKey | undefined
  concurrency: number
  onTable: (table: string) => void
  onTotal: (total: { files: number; bytes: number }) => void
  onFile: (told: FileTold) => void
}

export type BackupMade = { name: string; manifest: Manifest; counts: CopyCounts; cleaned: string[] }

/**
 * Makes a backup: the database at one point in time, and every file that its rows name then. A failure leaves a mark
 * `unfinished`, and the next backup removes it; a failure after the end says that the backup is complete.
 */
export async function createBackup(needs: CreateNeeds, place: BackupPlace, wish: BackupWish): Promise<BackupMade> {
  const { db } = needs
  const installationId = await findInstallationId(db)
  const cleaned = await removeUnfinished(needs, makePatient(place, wish), installationId)
  const id = randomUUID()
  const name = backupNameOf(needs.now().toISOString(), id)
  await beginBackup(db, { id, place: place.shown, name, isRowsOnly: wish.isRowsOnly })
  const mark = async (on: BackupPlace) => writeMark(on, name, { installationId, backupId: id, beatAt: needs.now() })
  const beating = keepBeating(needs, id, async () => {
    await requireMark(place, name, id)
    await mark(place)
  })
  const { signal, onMove, moves } = countMoves(wish.signal, beating)
  const patient = makePatient(place, { ...wish, signal }, { ...wish, ...needs, progress: moves })
  let made: Awaited<ReturnType<typeof fill>>
  try {
    await mark(patient)
    made = await fill(needs, patient, { ...wish, underway: { signal, onMove }, id, name })
    await beating.end()
    await requireMark(patient, name, id)
    await finish(patient, made.manifest, wish.key)
  } catch (error) {
    // The row alone keeps removals waiting; where the database is away it is taken for dead soon.
    await endBackup(db, id, { outcome: 'failed', files: 0, bytes: 0 }).catch(() => undefined)
    throw error
  } finally {
    beating.stop()
  }
  await recordEnd(db, place.shown, made.manifest)
  return { name, cleaned, ...made }
}

function countMoves(ending: AbortSignal, beating: Beating): Underway & { moves: () => number } {
  let moves = 0
  return {
    signal: AbortSignal.any([ending, beating.signal]),
    onMove() {
      moves += 1
      beating.moved()
    },
    moves: () => moves,
  }
}

type Filling = BackupWish & { underway: Underway; id: string; name: string }

async function fill(
  needs: CreateNeeds,
  place: PatientPlace,
  wish: Filling,
): Promise<{ manifest: Manifest; counts: CopyCounts }> {
  const folder = folderOf(wish.name)
  const { listed, ...rows } = await readDatabase(needs, place, wish)
  try {
    wish.onTotal(listed.total)
    const copied = await copyFiles(needs, place, { ...wish, folder, listed })
    const manifest: Manifest = {
      format,
      backup: { id: wish.id, name: wish.name, taken_at: rows.takenAt, rows_only: wish.isRowsOnly },
      installation_id: rows.installationId,
      made_by: { version: needs.version, database: rows.serverVersion },
      migrations: rows.migrations,
      events_since: rows.eventsSince ?? null,
      tables: rows.tables,
      left_out: leftOutTables,
      files: copied.files,
      signed_with: wish.key?.fingerprint ?? null,
    }
    return { manifest, counts: copied.counts }
  } finally {
    await listed.remove()
  }
}

async function readDatabase(needs: CreateNeeds, place: BackupPlace, { name, underway, onTable }: Filling) {
  const snapshot = await openSnapshot(needs.owner)
  try {
    const tables = await writeRows(snapshot, place, { folder: folderOf(name), ...underway, onTable })
    const { takenAt, serverVersion, migrations } = snapshot
    const [eventsSince, installationId] = [await snapshot.firstEventAt(), await snapshot.installationId()]
    const listed = await listFiles(snapshot, needs.spool, underway)
    return { takenAt, serverVersion, migrations, eventsSince, installationId, tables, listed }
  } finally {
    await snapshot.close()
  }
}

/** The manifest is what makes it a backup; last goes what says that it is none. */
async function finish(place: BackupPlace, manifest: Manifest, key: SigningKey | undefined): Promise<void> {
  const folder = folderOf(manifest.backup.name)
  const bytes = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`)
  if (key !== undefined) await writeBytes(place, `${folder}${signatureName}`, signManifest(bytes, key))
  await writeBytes(place, `${folder}${manifestName}`, bytes)
  await place.remove(`${folder}${unfinishedName}`)
}

/** Tells the database of a backup that is finished. It stands, whatever the database says: this is told where it fails. */
async function recordEnd(db: Db, place: string, manifest: Manifest): Promise<void> {
  try {
    await tellEnd(db, place, manifest).catch(async (error: unknown) => {
      // It may be told, and the trail would have it twice.
      if (error instanceof OutcomeUnknown) throw error
      await tellEnd(db, place, manifest)
    })
  } catch (error) {
    const knows = error instanceof OutcomeUnknown ? 'may not know' : 'does not know'
    throw new AppError(
      'store_unavailable',
      `The backup ${manifest.backup.name} stands and can be restored, but the database could not be told, and ${knows} it yet: until the next one it counts the backup before as the last. See that the database answers; this one need not be made again.`,
      { cause: error },
    )
  }
}

async function tellEnd(db: Db, place: string, { backup, files: { count: files, bytes, lacking } }: Manifest) {
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
