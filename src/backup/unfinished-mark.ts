import { z } from 'zod'

import { AppError } from '../errors.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { folderOf, unfinishedName } from './names.ts'
import { readWhole } from './read-parts.ts'
import { writeBytes } from './write-bytes.ts'

const markForm = z.object({ installation_id: z.guid(), backup_id: z.guid(), beat_at: z.iso.datetime() })

/** Who makes the backup in whose folder it stands, and when he last said that he lives: another database knows no more of him. */
export type UnfinishedMark = { installationId: string; backupId: string; beatAt: Date }

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
export async function readMark(place: BackupPlace, name: string): Promise<UnfinishedMark | undefined> {
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
