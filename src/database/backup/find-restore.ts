import { sql } from 'kysely'

import { AppError } from '../../errors.ts'
import type { Db } from '../client.ts'

export type BegunRestore = {
  backupId: string
  store: string | null
  name: string | null
  rowsAt: Date | null
  finishedAt: Date | null
}

/** The restore that this database was made by, or is being made by. */
export async function findRestore(db: Db): Promise<BegunRestore | undefined> {
  const { rows: tables } = await sql`select where to_regclass('document_restores') is not null`.execute(db)
  if (tables.length === 0) return undefined
  const { rows } = await sql<BegunRestore>`
    select backup_id as "backupId", store, store_name as name, rows_at as "rowsAt", finished_at as "finishedAt"
    from document_restores`.execute(db)
  return rows[0]
}

/** Throws while a restore into this database is not finished: whoever wrote here now would be in its way. */
export async function requireNoRestoreUnderway(db: Db): Promise<void> {
  const restore = await findRestore(db)
  if (restore === undefined || restore.finishedAt !== null) return
  throw new AppError(
    'conflict',
    `A restore into this database (of the backup ${restore.backupId}) was begun and is not finished. Give the same \`backup restore\` again, which goes on where it was, or name another database (DATABASE_URL, or another DATA_DIR).`,
  )
}
