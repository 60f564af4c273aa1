import { findKnown, type KnownBackup } from '../database/backup/running-backups.ts'
import type { Db } from '../database/client.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Clock } from '../vocabulary.ts'
import { folderOf, unfinishedName } from './names.ts'
import { listBackups } from './open-backup.ts'
import { readMark, type UnfinishedMark } from './unfinished-mark.ts'

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
