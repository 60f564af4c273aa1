import { sql } from 'kysely'

import { AppError } from '../../errors/app-error.ts'
import type { Db } from '../connection/client.ts'
import { isPreRelease, listMigrated, listMigrations, migrate } from '../schema/migrate.ts'
import { backedUpTables } from './tables-to-back-up.ts'

export type RestoreTarget = { store: 's3' | 'local'; name: string }

type RestorePlan = {
  backupId: string
  /** Those that had run where the backup was made. */
  migrations: string[]
  madeBy: string
  /** Undefined: files stay where they lie. */
  target: RestoreTarget | undefined
  /** Something that lies in the target. */
  inTarget: string | undefined
}

/**
 * - `new`: nothing was restored yet, and nothing of a store may be taken for this restore's;
 * - `begun`: the same restore was ended before, and what lies in the store is its own;
 * - `loaded`: the rows stand already.
 */
export type RestoreState = 'new' | 'begun' | 'loaded'

/**
 * Makes the tables as they were where the backup was made, in a database that has nothing of ours, and writes down which
 * restore this is. As the tables' owner. Throws what stands in the way.
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

/** All is done: from now on this database is like every other, and no restore is resumed in it. */
export async function finishRestore(ownerDb: Db): Promise<void> {
  await sql`update document_restores set finished_at = clock_timestamp()`.execute(ownerDb)
}

async function requireKnownMigrations({ migrations, madeBy }: RestorePlan): Promise<void> {
  if (isPreRelease(migrations))
    throw new AppError(
      'conflict',
      `The backup was made by a version before 0.1.0, whose tables this one cannot read. Restore it with that version.`,
    )
  const known = new Set(await listMigrations())
  if (migrations.every((name) => known.has(name))) return
  throw new AppError(
    'conflict',
    `The backup was made by a later version of the service (${madeBy}), whose tables this one does not know. Restore it with that version, or a newer one.`,
  )
}

async function requireNoLaterMigrations(db: Db, { migrations }: RestorePlan): Promise<void> {
  const later = (await listMigrated(db)).filter((name) => !migrations.includes(name))
  if (later.length === 0) return
  throw new AppError(
    'conflict',
    `The tables of this database are of a later version than the backup (${later.join(', ')}). Give it an empty database.`,
  )
}

function stateOf(begun: StartedRestore, { backupId, target }: RestorePlan): RestoreState {
  if (begun.finishedAt !== null) throw notEmpty('it was made by a restore')
  if (begun.backupId !== backupId)
    throw new AppError(
      'conflict',
      `A restore of another backup (${begun.backupId}) was begun in this database and not finished. Go on with that one, or give it an empty database.`,
    )
  const { store, name } = target ?? { store: null, name: null }
  if (begun.store !== store || begun.name !== name)
    throw new AppError(
      'conflict',
      `This restore was begun into another place (${begun.name ?? 'none: files were to stay where they lie'}). Set that one again, or give it an empty database.`,
    )
  return begun.rowsAt === null ? 'begun' : 'loaded'
}

function requireEmptyStore({ target, inTarget }: RestorePlan): void {
  if (inTarget === undefined) return
  const found = /^(security_firms|quarantine)\//.test(inTarget) ? 'papers lie there' : `${inTarget} lies there`
  throw new AppError(
    'conflict',
    `${target?.name} is not empty: ${found}. A restore writes over nothing; give it an empty store (AWS_S3_BUCKET, or UPLOADS_DIR).`,
  )
}

type StartedRestore = {
  backupId: string
  store: string | null
  name: string | null
  rowsAt: Date | null
  finishedAt: Date | null
}

/** The restore that this database was made by, or is being made by. */
async function findRestore(db: Db): Promise<StartedRestore | undefined> {
  const { rows: tables } = await sql`select where to_regclass('document_restores') is not null`.execute(db)
  if (tables.length === 0) return undefined
  const { rows } = await sql<StartedRestore>`
    select backup_id as "backupId", store, store_name as name, rows_at as "rowsAt", finished_at as "finishedAt"
    from document_restores`.execute(db)
  return rows[0]
}

/** Throws while a restore into this database is not finished: whoever wrote here now would be in its way. */
export async function requireNoUnfinishedRestore(db: Db): Promise<void> {
  const restore = await findRestore(db)
  if (restore === undefined || restore.finishedAt !== null) return
  throw new AppError(
    'conflict',
    `A restore into this database (of the backup ${restore.backupId}) was begun and is not finished. Give the same \`backup restore\` again, which goes on where it was, or name another database (DATABASE_URL, or another DATA_DIR).`,
  )
}

/** Of a database, or of one transaction in it. */
type Query = (statement: string) => Promise<unknown[]>

/** Throws when one of our tables has rows beside those which the migrations make. */
export async function requireNoRows(ask: Query): Promise<void> {
  for (const table of backedUpTables) {
    if (table === 'document_installation') continue
    if ((await ask(`select where to_regclass('${table}') is not null`)).length === 0) continue
    const ours = table === 'document_types' ? `where created_by <> '00000000-0000-0000-0000-000000000000'` : ''
    if ((await ask(`select from ${table} ${ours} limit 1`)).length > 0) throw notEmpty(`${table} has rows`)
  }
}

function notEmpty(why: string): AppError {
  return new AppError(
    'conflict',
    `This database is not empty: ${why}. A restore writes over nothing; give it an empty database (DATABASE_URL, or another DATA_DIR).`,
  )
}
