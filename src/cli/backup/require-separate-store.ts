import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { listBackups } from '../../backup/open-backup.ts'
import type { ConfigWithoutTokens } from '../../config/load-config.ts'
import { openBackupFolder } from '../../storage/backup-store/backup-folder.ts'
import { WrongUse } from '../printing/explain-failure.ts'

/** Throws when backups would go to the bucket of the documents. */
export function requireSeparateBucket(bucket: string, { s3 }: ConfigWithoutTokens): void {
  if (bucket === s3.bucket)
    throw new WrongUse(
      `s3://${bucket} is the bucket of the documents: anybody with the service’s key could remove both. Name another bucket, or a folder.`,
    )
}

/** Throws when the folder is one of the service, below one, or below another store of backups. */
export async function requireSeparateFolder(path: string, { uploadsDir, dataDir }: ConfigWithoutTokens): Promise<void> {
  const [real, ...own] = await Promise.all([path, uploadsDir, dataDir].map(realPathOf))
  for (let above = real; above !== undefined; above = above === dirname(above) ? undefined : dirname(above)) {
    if (own.includes(above))
      throw new WrongUse(
        `${path} is UPLOADS_DIR or DATA_DIR, or below one: losing that folder would lose the backups too. Name another folder, best on another disk.`,
      )
    // This user has no backups in a folder that they may not list.
    if (above !== real && (await listBackups(openBackupFolder(above)).catch(() => [])).length > 0)
      throw new WrongUse(`${path} is below ${above}, which has backups. Name that folder, or one outside it.`)
  }
}

/** The path without symbolic links, also of a folder that does not exist yet. */
async function realPathOf(path: string): Promise<string> {
  const above = dirname(path)
  return realpath(path).catch(async () => (path === above ? path : join(await realPathOf(above), basename(path))))
}
