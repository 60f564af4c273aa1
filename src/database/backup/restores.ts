import { sql } from 'kysely'

import { Fault } from '../../errors/faults.ts'
import type { Db } from '../connection/client.ts'
import { backedUpTables } from './tables-to-back-up.ts'

export type RestoreTarget = { store: 's3' | 'local'; name: string }

/** Records a restore before its first file. */
export async function insertRestore(
  ownerDb: Db,
  { backupId, target }: { backupId: string; target: RestoreTarget | undefined },
): Promise<void> {
  await sql`
    insert into document_restores (backup_id, store, store_name)
    values (${backupId}::uuid, ${target?.store ?? null}, ${target?.name ?? null})`.execute(ownerDb)
}

/** Marks the restore as finished: it is not resumed any more. */
export async function finishRestore(ownerDb: Db): Promise<void> {
  await sql`update document_restores set finished_at = clock_timestamp()`.execute(ownerDb)
}

export type StartedRestore = {
  backupId: string
  store: string | null
  name: string | null
  rowsAt: Date | null
  finishedAt: Date | null
}

/** The restore into this database, finished or not. */
export async function findRestore(db: Db): Promise<StartedRestore | undefined> {
  const { rows: tables } = await sql`select where to_regclass('document_restores') is not null`.execute(db)
  if (tables.length === 0) return undefined
  const { rows } = await sql<StartedRestore>`
    select backup_id as "backupId", store, store_name as name, rows_at as "rowsAt", finished_at as "finishedAt"
    from document_restores`.execute(db)
  return rows[0]
}

/** Throws while a restore into this database is not finished: nothing else may write to it. */
export async function requireNoUnfinishedRestore(db: Db): Promise<void> {
  const restore = await findRestore(db)
  if (restore === undefined || restore.finishedAt !== null) return
  throw new Fault('restore_unfinished', { backupId: restore.backupId })
}

/** Runs a statement in a database or in one transaction. */
type Query = (statement: string) => Promise<unknown[]>

/** Throws if one of our tables has other rows than those of the migrations. */
export async function requireNoRowsIn(ownerDb: Db): Promise<void> {
  await requireNoRows(async (statement) => (await sql.raw(statement).execute(ownerDb)).rows)
}

/** The same, also in a transaction of another client. */
export async function requireNoRows(ask: Query): Promise<void> {
  for (const table of backedUpTables) {
    if (table === 'document_installation') continue
    if ((await ask(`select where to_regclass('${table}') is not null`)).length === 0) continue
    const ours = table === 'document_types' ? `where created_by <> '00000000-0000-0000-0000-000000000000'` : ''
    if ((await ask(`select from ${table} ${ours} limit 1`)).length > 0) throw new Fault('database_has_rows', { table })
  }
}
