import { sql } from 'kysely'

import { Fault } from '../../errors/faults.ts'
import type { Db } from '../connection/client.ts'
import { isPreRelease, listMigrated, listMigrations, migrate } from '../schema/migrate.ts'
import { backedUpTables } from './tables-to-back-up.ts'

export type RestoreTarget = { store: 's3' | 'local'; name: string }

type RestorePlan = {
  backupId: string
  /** Migrations of the database that was backed up. */
  migrations: string[]
  madeBy: string
  /** Undefined: files stay in their stores. */
  target: RestoreTarget | undefined
  /** A file or object that exists in the target. */
  inTarget: string | undefined
}

/**
 * - `new`: nothing was restored yet, and the target must be empty;
 * - `begun`: an earlier attempt was interrupted, and may have written to the target;
 * - `loaded`: the rows are loaded.
 */
export type RestoreState = 'new' | 'begun' | 'loaded'

/**
 * Creates the tables at the backup's migration in an empty database, and records the restore. Connects as the tables'
 * owner. Throws what prevents the restore.
 */
export async function prepareRestore(ownerDb: Db, restoring: RestorePlan): Promise<RestoreState> {
  await requireKnownMigrations(restoring)
  const begun = await findRestore(ownerDb)
  const state = begun === undefined ? 'new' : stateOf(begun, restoring)
  if (state === 'loaded') return state
  await requireNoLaterMigrations(ownerDb, restoring)
  await requireNoRows(async (statement) => (await sql.raw(statement).execute(ownerDb)).rows)
  if (state === 'begun') return state
  requireEmptyStore(restoring)

  await migrate(ownerDb, restoring.migrations)
  const { backupId, target } = restoring
  await sql`
    insert into document_restores (backup_id, store, store_name)
    values (${backupId}::uuid, ${target?.store ?? null}, ${target?.name ?? null})`.execute(ownerDb)
  return state
}

/** Marks the restore as finished: it is not resumed any more. */
export async function finishRestore(ownerDb: Db): Promise<void> {
  await sql`update document_restores set finished_at = clock_timestamp()`.execute(ownerDb)
}

async function requireKnownMigrations({ migrations, madeBy }: RestorePlan): Promise<void> {
  if (isPreRelease(migrations)) throw new Fault('backup_too_old')
  const known = new Set(await listMigrations())
  if (!migrations.every((name) => known.has(name))) throw new Fault('backup_too_new', { version: madeBy })
}

async function requireNoLaterMigrations(db: Db, { migrations }: RestorePlan): Promise<void> {
  const later = (await listMigrated(db)).filter((name) => !migrations.includes(name))
  if (later.length > 0) throw new Fault('tables_too_new', { migrations: later })
}

function stateOf(begun: StartedRestore, { backupId, target }: RestorePlan): RestoreState {
  if (begun.finishedAt !== null) throw new Fault('database_restored')
  if (begun.backupId !== backupId) throw new Fault('other_restore_begun', { backupId: begun.backupId })
  const { store, name } = target ?? { store: null, name: null }
  if (begun.store !== store || begun.name !== name) throw new Fault('restore_begun_elsewhere', { store: begun.name })
  return begun.rowsAt === null ? 'begun' : 'loaded'
}

function requireEmptyStore({ target, inTarget }: RestorePlan): void {
  if (inTarget !== undefined) throw new Fault('store_not_empty', { store: target?.name, found: inTarget })
}

type StartedRestore = {
  backupId: string
  store: string | null
  name: string | null
  rowsAt: Date | null
  finishedAt: Date | null
}

/** The restore into this database, finished or not. */
async function findRestore(db: Db): Promise<StartedRestore | undefined> {
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
export async function requireNoRows(ask: Query): Promise<void> {
  for (const table of backedUpTables) {
    if (table === 'document_installation') continue
    if ((await ask(`select where to_regclass('${table}') is not null`)).length === 0) continue
    const ours = table === 'document_types' ? `where created_by <> '00000000-0000-0000-0000-000000000000'` : ''
    if ((await ask(`select from ${table} ${ours} limit 1`)).length > 0) throw new Fault('database_has_rows', { table })
  }
}
