import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'

import { Fault } from '../../errors/faults.ts'
import type { Db } from '../connection/client.ts'
import { createEventMonths } from '../audit/event-partitions.ts'
import { isDeadlock, isLockTimeout } from '../connection/postgres-errors.ts'

const folder = join(import.meta.dirname, 'migrations')

/**
 * Runs the missing migrations as the tables' owner. If several instances start at once, one migrates and the others wait.
 * A second run changes nothing and needs no owner. An instance of an earlier version can start next to instances of a
 * later one. Returns the names of the migrations that it ran. `only`: runs these alone, for rows of an older version.
 */
export async function migrate(ownerDb: Db, only?: string[]): Promise<string[]> {
  const deadline = Date.now() + maxLockWaitMs
  for (;;) {
    try {
      return await tryToMigrate(ownerDb, only === undefined ? sqlFiles : selectMigrations(only))
    } catch (error) {
      if (!isLockConflict(error)) throw error
      if (Date.now() > deadline) throw new Error(lockedMessage, { cause: error })
      await wait(pauseMs)
    }
  }
}

/** Retries a locked table of the platform instead of waiting for it: a waiting lock would block all later statements. */
const maxLockWaitMs = 4 * 60_000
const pauseMs = 100

const lockedMessage =
  'the database could not be migrated: another session has locked one of its tables for minutes; pg_stat_activity shows it'

function isLockConflict(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  return isLockTimeout(cause) || isDeadlock(cause)
}

async function tryToMigrate(ownerDb: Db, provider: MigrationProvider): Promise<string[]> {
  await requireReleased(ownerDb)
  const isDone = await isMigrated(ownerDb, Object.keys(await provider.getMigrations()))
  const migrated = isDone ? [] : await runMigrations(ownerDb, provider)
  // A missing month does not prevent the start. The daily job tries again and logs the failure.
  await createEventMonths(ownerDb)
  return migrated
}

/**
 * Whether a database or backup is from a version before 0.1.0. Its migrations were squashed, so it cannot be upgraded.
 */
export function isPreRelease(migrations: string[]): boolean {
  return migrations.includes('0002-documents')
}

async function requireReleased(ownerDb: Db): Promise<void> {
  if (isPreRelease(await listMigrated(ownerDb))) throw new Fault('database_too_old')
}

async function runMigrations(ownerDb: Db, provider: MigrationProvider): Promise<string[]> {
  const migrator = new Migrator({
    db: ownerDb,
    provider,
    migrationTableName: 'document_migrations',
    migrationLockTableName: 'document_migrations_lock',
    // deploy/platform/leave.sql marks a migration as not run, so that it runs again.
    allowUnorderedMigrations: true,
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) throw new Error('the database could not be migrated', { cause: error })

  return results.map((result) => result.migrationName)
}

/** The migrations that change the platform's tables. */
const platformMigrations = new Set(['0001-platform-tables.sql', '0010-platform-triggers.sql'])

async function run(db: Kysely<unknown>, file: string, text: string): Promise<void> {
  if (platformMigrations.has(file)) await lockPlatformTables(db)
  await sql.raw(text).execute(db)
}

const sqlFiles: MigrationProvider = {
  async getMigrations() {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).toSorted()
    const migrations = files.map(async (file): Promise<[string, Migration]> => {
      const text = await readFile(join(folder, file), 'utf8')
      return [basename(file, '.sql'), { up: (db) => run(db, file, text) }]
    })
    return Object.fromEntries(await Promise.all(migrations))
  },
}

/** The names of all migrations of this version. */
export async function listMigrations(): Promise<string[]> {
  return Object.keys(await sqlFiles.getMigrations())
}

function selectMigrations(names: string[]): MigrationProvider {
  return {
    async getMigrations() {
      const all = Object.entries(await sqlFiles.getMigrations())
      return Object.fromEntries(all.filter(([name]) => names.includes(name)))
    },
  }
}

/**
 * Whether all these migrations have run. Migrations of a later version may have run too; they only add. This needs only the
 * right to read the list, so that a role without rights on tables can find that nothing is missing.
 */
async function isMigrated(db: Db, names: string[]): Promise<boolean> {
  const migrated = new Set(await listMigrated(db))
  return names.every((name) => migrated.has(name))
}

/** The names of all migrations that have run, in order. Empty if the database has no list of migrations. */
export async function listMigrated(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string | null }>`
    select to_regclass('document_migrations')::text as name`.execute(db)
  if (tables[0]?.name == null) return []
  const { rows } = await sql<{ name: string }>`select name from document_migrations order by name`.execute(db)
  return rows.map(({ name }) => name)
}

/** The strongest lock that any of our migrations needs on each table. */
const platformLocks: [table: string, mode: string][] = [
  ['document_types', 'access exclusive'],
  ['firm_applications', 'share row exclusive'],
  ['firm_documents', 'share row exclusive'],
  ['firm_users', 'share row exclusive'],
  ['registered_users', 'share row exclusive'],
  ['security_firms', 'share row exclusive'],
]

/**
 * Locks all existing tables of the platform until the transaction ends, all at once or none. It never waits for one lock
 * while it has another, so a transaction of the platform cannot become the victim of a deadlock. Throws PostgreSQL's own
 * error if a lock is not available.
 */
async function lockPlatformTables(trx: Kysely<unknown>): Promise<void> {
  for (const [table, mode] of platformLocks) {
    const { rows } = await sql`select where to_regclass(${table}) is not null`.execute(trx)
    if (rows.length > 0) await sql`lock table ${sql.table(table)} in ${sql.raw(mode)} mode nowait`.execute(trx)
  }
}

/** The last migration that ran, the number of migrations, and the time of the last one. */
export type MigrationState = { last: string; count: number; since: Date }

export async function findMigrationState(db: Db): Promise<MigrationState> {
  const { rows } = await sql<MigrationState>`
    select max(name) as last, count(*)::int as count, max(timestamp::timestamptz) as since
    from document_migrations`.execute(db)
  const [state] = rows
  if (state === undefined) throw new Error('the database returned no migrations')
  return state
}
