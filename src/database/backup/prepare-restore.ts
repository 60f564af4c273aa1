import { sql } from 'kysely'

import { AppError } from '../../errors.ts'
import type { Db } from '../client.ts'
import { isPreRelease, listMigrated, listMigrations, migrate } from '../migrate.ts'
import { type BegunRestore, findRestore } from './find-restore.ts'
import { notEmpty, requireNoRows } from './require-no-rows.ts'

export type RestoreTarget = { store: 's3' | 'local'; name: string }

type Restoring = {
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
export async function prepareRestore(ownerDb: Db, restoring: Restoring): Promise<RestoreState> {
  await requireKnown(restoring)
  const begun = await findRestore(ownerDb)
  const state = begun === undefined ? 'new' : stateOf(begun, restoring)
  if (state === 'loaded') return state
  await requireNotLater(ownerDb, restoring)
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

/** All is done: from now on this database is one as any other, and no restore goes on in it. */
export async function finishRestore(ownerDb: Db): Promise<void> {
  await sql`update document_restores set finished_at = clock_timestamp()`.execute(ownerDb)
}

async function requireKnown({ migrations, madeBy }: Restoring): Promise<void> {
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

async function requireNotLater(db: Db, { migrations }: Restoring): Promise<void> {
  const later = (await listMigrated(db)).filter((name) => !migrations.includes(name))
  if (later.length === 0) return
  throw new AppError(
    'conflict',
    `The tables of this database are of a later version than the backup (${later.join(', ')}). Give it an empty database.`,
  )
}

function stateOf(begun: BegunRestore, { backupId, target }: Restoring): RestoreState {
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

function requireEmptyStore({ target, inTarget }: Restoring): void {
  if (inTarget === undefined) return
  const found = /^(security_firms|quarantine)\//.test(inTarget) ? 'papers lie there' : `${inTarget} lies there`
  throw new AppError(
    'conflict',
    `${target?.name} is not empty: ${found}. A restore writes over nothing; give it an empty store (AWS_S3_BUCKET, or UPLOADS_DIR).`,
  )
}
