import { z } from 'zod'

import { findBackupStates, type BackupState } from '../database/backup/running-backups.ts'
import type { Db } from '../database/connection/client.ts'
import { AppError } from '../errors/app-error.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'
import { folderOf, unfinishedName } from './manifest.ts'
import { listBackups } from './open-backup.ts'
import { readSmallFile, writeBuffer } from './parts.ts'

const markerSchema = z.object({ installation_id: z.guid(), backup_id: z.guid(), heartbeat_at: z.iso.datetime() })

/** Who makes the backup in whose folder it stands, and when he last said that he lives: another database knows no more of him. */
type UnfinishedMarker = { installationId: string; backupId: string; heartbeatAt: Date }

export async function writeMarker(backupStore: BackupStore, name: string, mark: UnfinishedMarker): Promise<void> {
  const text = JSON.stringify({
    installation_id: mark.installationId,
    backup_id: mark.backupId,
    heartbeat_at: mark.heartbeatAt.toISOString(),
    says: 'this backup is not finished',
  })
  await writeBuffer(backupStore, `${folderOf(name)}${unfinishedName}`, Buffer.from(`${text}\n`))
}

/** Undefined: it is finished, or does not say whose it is. */
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

/** Throws when somebody removed the backup while it was being made: what is left of it is no whole one. */
export async function requireMarker(backupStore: BackupStore, name: string, backupId: string): Promise<void> {
  if ((await readMarker(backupStore, name))?.backupId === backupId) return
  throw new AppError(
    'conflict',
    `Somebody removed the backup ${name} while it was being made. Nothing of it counts; see that nobody else writes to ${backupStore.address}, and run it again.`,
  )
}

/** Far more than clocks are apart, and than a mark is old of one who lives. */
const minAgeMs = 60 * 60_000

type Needs = { db: Db; now: Clock }

/** Removes what backups of this installation left that failed or were killed. Yields their names. */
export async function removeUnfinished(
  { db, now }: Needs,
  backupStore: BackupStore,
  installationId: string,
): Promise<string[]> {
  const marks = new Map<string, UnfinishedMarker>()
  for (const name of await listBackups(backupStore)) {
    const mark = await readMarker(backupStore, name)
    if (mark?.installationId === installationId) marks.set(name, mark)
  }
  const known = await findBackupStates(db, [...marks.keys()])
  const before = now().getTime() - minAgeMs
  const removed: string[] = []
  for (const [name, mark] of marks) {
    const fate = stateOf(mark, known.get(name), before)
    // It ended since its mark was read, or a loss of power brought back the mark that was removed.
    if (fate === 'finished') await backupStore.remove(`${folderOf(name)}${unfinishedName}`)
    // Read again: since the first reading it may have finished, or said that it lives.
    if (fate !== 'dead' || !isSame(await readMarker(backupStore, name), mark)) continue
    await removeBackup(backupStore, name)
    removed.push(name)
  }
  return removed
}

/** A copy of this database is the same installation, and its backups are known to it alone: these are dead when they are silent and old. */
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

/** Last what says that it is not finished: a removal that is killed must not leave what looks like a backup. */
async function removeBackup(backupStore: BackupStore, name: string): Promise<void> {
  for (const each of await backupStore.list(folderOf(name)))
    if (each !== unfinishedName) await backupStore.remove(`${folderOf(name)}${each}`)
  await backupStore.remove(folderOf(name))
}
