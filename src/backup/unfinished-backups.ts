import { z } from 'zod'

import { findKnown, type KnownBackup } from '../database/backup/running-backups.ts'
import type { Db } from '../database/connection/client.ts'
import { AppError } from '../errors/app-error.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'
import { folderOf, unfinishedName } from './manifest.ts'
import { listBackups } from './open-backup.ts'
import { readWhole, writeBytes } from './parts.ts'

const markForm = z.object({ installation_id: z.guid(), backup_id: z.guid(), beat_at: z.iso.datetime() })

/** Who makes the backup in whose folder it stands, and when he last said that he lives: another database knows no more of him. */
type UnfinishedMark = { installationId: string; backupId: string; beatAt: Date }

export async function writeMark(place: BackupPlace, name: string, mark: UnfinishedMark): Promise<void> {
  const text = JSON.stringify({
    installation_id: mark.installationId,
    backup_id: mark.backupId,
    beat_at: mark.beatAt.toISOString(),
    says: 'this backup is not finished',
  })
  await writeBytes(place, `${folderOf(name)}${unfinishedName}`, Buffer.from(`${text}\n`))
}

/** Undefined: it is finished, or does not say whose it is. */
async function readMark(place: BackupPlace, name: string): Promise<UnfinishedMark | undefined> {
  const text = await readWhole(place, `${folderOf(name)}${unfinishedName}`)
  if (text === undefined) return undefined
  try {
    const {
      installation_id: installationId,
      backup_id: backupId,
      beat_at: beatAt,
    } = markForm.parse(JSON.parse(text.toString('utf8')))
    return { installationId, backupId, beatAt: new Date(beatAt) }
  } catch {
    return undefined
  }
}

/** Throws when somebody removed the backup while it was being made: what is left of it is no whole one. */
export async function requireMark(place: BackupPlace, name: string, backupId: string): Promise<void> {
  if ((await readMark(place, name))?.backupId === backupId) return
  throw new AppError(
    'conflict',
    `Somebody removed the backup ${name} while it was being made. Nothing of it counts; see that nobody else writes to ${place.shown}, and run it again.`,
  )
}

/** Far more than clocks are apart, and than a mark is old of one who lives. */
const leastAgeMs = 60 * 60_000

type Needs = { db: Db; now: Clock }

/** Removes what backups of this installation left that failed or were killed. Yields their names. */
export async function removeUnfinished(
  { db, now }: Needs,
  place: BackupPlace,
  installationId: string,
): Promise<string[]> {
  const marks = new Map<string, UnfinishedMark>()
  for (const name of await listBackups(place)) {
    const mark = await readMark(place, name)
    if (mark?.installationId === installationId) marks.set(name, mark)
  }
  const known = await findKnown(db, [...marks.keys()])
  const before = now().getTime() - leastAgeMs
  const removed: string[] = []
  for (const [name, mark] of marks) {
    const fate = fateOf(mark, known.get(name), before)
    // It ended since its mark was read, or a loss of power brought back the mark that was removed.
    if (fate === 'finished') await place.remove(`${folderOf(name)}${unfinishedName}`)
    // Read again: since the first reading it may have finished, or said that it lives.
    if (fate !== 'dead' || !isSame(await readMark(place, name), mark)) continue
    await removeWhole(place, name)
    removed.push(name)
  }
  return removed
}

/** A copy of this database is the same installation, and its backups are known to it alone: these are dead when they are silent and old. */
function fateOf({ beatAt }: UnfinishedMark, known: KnownBackup | undefined, before: number) {
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
      return beatAt.getTime() < before ? 'dead' : 'lives'
  }
}

function isSame(now: UnfinishedMark | undefined, then: UnfinishedMark): boolean {
  return now?.backupId === then.backupId && now.beatAt.getTime() === then.beatAt.getTime()
}

/** Last what says that it is not finished: a removal that is killed must not leave what looks like a backup. */
async function removeWhole(place: BackupPlace, name: string): Promise<void> {
  for (const each of await place.list(folderOf(name)))
    if (each !== unfinishedName) await place.remove(`${folderOf(name)}${each}`)
  await place.remove(folderOf(name))
}
