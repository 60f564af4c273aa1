import { z } from 'zod'

import { findBackupStates, type BackupState } from '../database/backup/running-backups.ts'
import type { Db } from '../database/connection/client.ts'
import { AppError } from '../errors/app-error.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'
import { folderOf, unfinishedName } from './backup-manifest.ts'
import { listBackups } from './open-backup.ts'
import { readSmallFile, writeBuffer } from './compressed-parts.ts'

const markerSchema = z.object({ installation_id: z.guid(), backup_id: z.guid(), heartbeat_at: z.iso.datetime() })

/** The owner of a backup and its last heartbeat. Other databases read it, because they have no row of this backup. */
type UnfinishedMarker = { installationId: string; backupId: string; heartbeatAt: Date }

export async function writeMarker(backupStore: BackupStore, name: string, marker: UnfinishedMarker): Promise<void> {
  const text = JSON.stringify({
    installation_id: marker.installationId,
    backup_id: marker.backupId,
    heartbeat_at: marker.heartbeatAt.toISOString(),
    says: 'this backup is not finished',
  })
  await writeBuffer(backupStore, `${folderOf(name)}${unfinishedName}`, Buffer.from(`${text}\n`))
}

/** Undefined for a finished backup, or an unreadable marker. */
async function readMarker(backupStore: BackupStore, name: string): Promise<UnfinishedMarker | undefined> {
  const text = await readSmallFile(backupStore, `${folderOf(name)}${unfinishedName}`)
  if (text === undefined) return undefined
  try {
    const {
      installation_id: installationId,
      backup_id: backupId,
      heartbeat_at: heartbeatAt,
    } = markerSchema.parse(JSON.parse(text.toString('utf8')))
    return { installationId, backupId, heartbeatAt: new Date(heartbeatAt) }
  } catch {
    return undefined
  }
}

/** Throws if another process removed the backup while it was created: it is incomplete. */
export async function requireMarker(backupStore: BackupStore, name: string, backupId: string): Promise<void> {
  if ((await readMarker(backupStore, name))?.backupId === backupId) return
  throw new AppError(
    'conflict',
    `The backup ${name} was removed while it was created, so it cannot be used. Check that nothing else writes to ${backupStore.address}, and run it again.`,
  )
}

/** Far more than the difference between clocks, and than the interval of heartbeats. */
const minAgeMs = 60 * 60_000

type Needs = { db: Db; now: Clock }

/** Removes failed and killed backups of this installation. Returns their names. */
export async function removeUnfinished(
  { db, now }: Needs,
  backupStore: BackupStore,
  installationId: string,
): Promise<string[]> {
  const markers = new Map<string, UnfinishedMarker>()
  for (const name of await listBackups(backupStore)) {
    const marker = await readMarker(backupStore, name)
    if (marker?.installationId === installationId) markers.set(name, marker)
  }
  const known = await findBackupStates(db, [...markers.keys()])
  const before = now().getTime() - minAgeMs
  const removed: string[] = []
  for (const [name, marker] of markers) {
    const state = stateOf(marker, known.get(name), before)
    // It ended after its marker was read, or a power failure restored the removed marker.
    if (state === 'finished') await backupStore.remove(`${folderOf(name)}${unfinishedName}`)
    // Read again: it may have finished or recorded a heartbeat since the first read.
    if (state !== 'dead' || !isSame(await readMarker(backupStore, name), marker)) continue
    await removeBackup(backupStore, name)
    removed.push(name)
  }
  return removed
}

/** A copy of this database is the same installation, but its backups are unknown here. They are dead when their heartbeat is old. */
function stateOf({ heartbeatAt }: UnfinishedMarker, known: BackupState | undefined, before: number) {
  switch (known) {
    case 'whole':
    case 'lacking':
      return 'finished'
    case 'failed':
      return 'dead'
    case 'running':
      return 'lives'
    case 'silent':
    case undefined:
      return heartbeatAt.getTime() < before ? 'dead' : 'lives'
  }
}

function isSame(now: UnfinishedMarker | undefined, then: UnfinishedMarker): boolean {
  return now?.backupId === then.backupId && now.heartbeatAt.getTime() === then.heartbeatAt.getTime()
}

/** The marker is removed last, so that a killed removal leaves no folder that looks like a backup. */
async function removeBackup(backupStore: BackupStore, name: string): Promise<void> {
  for (const each of await backupStore.list(folderOf(name)))
    if (each !== unfinishedName) await backupStore.remove(`${folderOf(name)}${each}`)
  await backupStore.remove(folderOf(name))
}
