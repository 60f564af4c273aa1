import { z } from 'zod'

import { findRunning } from '../database/backup/running-backups.ts'
import type { Db } from '../database/client.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { folderOf, unfinishedName } from './names.ts'
import { listBackups } from './open-backup.ts'
import { readWhole } from './read-parts.ts'

const unfinishedForm = z.object({ installation_id: z.guid() })

export function writeUnfinished(installationId: string): Buffer {
  return Buffer.from(`${JSON.stringify({ installation_id: installationId, says: 'this backup is not finished' })}\n`)
}

/** Removes what backups of this installation left that were ended or killed. Yields their names. */
export async function removeUnfinished(db: Db, place: BackupPlace, installationId: string): Promise<string[]> {
  const unfinished: string[] = []
  for (const name of await listBackups(place))
    if ((await whoseUnfinished(place, name)) === installationId) unfinished.push(name)
  const running = await findRunning(db, unfinished)
  const dead = unfinished.filter((name) => !running.has(name))
  for (const name of dead) {
    // Last what says that it is not finished: a removal that is killed must not leave what looks like a backup.
    for (const each of await place.list(folderOf(name)))
      if (each !== unfinishedName) await place.remove(`${folderOf(name)}${each}`)
    await place.remove(folderOf(name))
  }
  return dead
}

/** Undefined: it is finished, or does not say whose it is. */
async function whoseUnfinished(place: BackupPlace, name: string): Promise<string | undefined> {
  const text = await readWhole(place, `${folderOf(name)}${unfinishedName}`)
  if (text === undefined) return undefined
  try {
    return unfinishedForm.parse(JSON.parse(text.toString('utf8'))).installation_id
  } catch {
    return undefined
  }
}
