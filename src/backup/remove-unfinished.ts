import { findKnown } from '../database/backup/running-backups.ts'
import type { Db } from '../database/client.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Clock } from '../vocabulary.ts'
import { folderOf, unfinishedName } from './names.ts'
import { listBackups } from './open-backup.ts'
import { readMark, type UnfinishedMark } from './unfinished-mark.ts'

/** Far more than clocks are apart, and than a mark is old of one who lives. */
const leastAgeMs = 60 * 60_000

type Needs = { db: Db; now: Clock }

/** Removes what backups of this installation left that were ended or killed. Yields their names. */
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
  // A copy of this database is the same installation, and its backups are known to it alone.
  const isDead = ([name, { beatAt }]: [string, UnfinishedMark]) =>
    known.get(name) === 'ended' || (known.get(name) !== 'running' && beatAt.getTime() < before)
  const dead = [...marks].filter(isDead).map(([name]) => name)
  for (const name of dead) {
    // Last what says that it is not finished: a removal that is killed must not leave what looks like a backup.
    for (const each of await place.list(folderOf(name)))
      if (each !== unfinishedName) await place.remove(`${folderOf(name)}${each}`)
    await place.remove(folderOf(name))
  }
  return dead
}
