import { listMissing } from '../database/backup/list-missing.ts'
import type { Db } from '../database/client.ts'
import type { OpenedBackup } from './open-backup.ts'
import type { PatientPlace } from './patient-place.ts'
import { fileLinesOf } from './restore-files.ts'

/** Of an earlier attempt that brought the rows: how many versions it left without bytes that had them before. */
export async function countLacking(
  db: Db,
  place: PatientPlace,
  { folder, manifest }: Pick<OpenedBackup, 'folder' | 'manifest'>,
): Promise<number> {
  const missing = await listMissing(db)
  let lacking = 0
  for await (const { version_id: id, state, fate } of fileLinesOf(place, folder, manifest.files))
    if (id !== null && state === 'present' && fate !== 'infected' && missing.has(id)) lacking += 1
  return lacking
}
