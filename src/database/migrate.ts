import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'

import type { Db } from './client.ts'
import { createEventMonths } from './event-months.ts'
import { AppError } from '../errors.ts'
import { isMigrated, listMigrated } from './is-migrated.ts'
import { lockPlatformTables } from './lock-platform-tables.ts'
import { isDeadlock, isLockTimeout } from './postgres-errors.ts'

const folder = join(import.meta.dirname, 'migrations')

/**
 * Brings the tables up to this version, as their owner. Of several instances that start at once one migrates and the
 * others wait; a second run changes nothing, and so needs no owner. An instance of an earlier version starts beside those
 * of a later one. Returns the names of the migrations that it ran. `only`: those alone, for rows that are older than the others.
 */
export async function migrate(ownerDb: Db, only?: string[]): Promise<string[]> {
  const givesUpAt = Date.now() + patienceMs
  for (;;) {
    try {
      return await tryToMigrate(ownerDb, only === undefined ? sqlFiles : onlyThese(only))
    } catch (error) {
      if (!isHeldUp(error)) throw error
      if (Date.now() > givesUpAt) throw new Error(whoHoldsIt, { cause: error })
      await wait(pauseMs)
    }
  }
}

/**
 * A table of the platform's that somebody holds is asked for again and again, without waiting for it: who waits for a
 * table keeps all that come later from it.
 */
const patienceMs = 4 * 60_000
const pauseMs = 100

const whoHoldsIt =
  'the database could not be migrated: somebody holds one of its tables for minutes already; pg_stat_activity shows who'

function isHeldUp(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  return isLockTimeout(cause) || isDeadlock(cause)
}

async function tryToMigrate(ownerDb: Db, provider: MigrationProvider): Promise<string[]> {
  await requireReleased(ownerDb)
  const isDone = await isMigrated(ownerDb, Object.keys(await provider.getMigrations()))
  const migrated = isDone ? [] : await runMigrations(ownerDb, provider)
  // A month that is missing stops no start; the daily job tries again and logs.
  await createEventMonths(ownerDb)
  return migrated
}

/** Migrations of the time before 0.1.0, which were squashed: a database or backup that has one of them can't be upgraded. */
export function isPreRelease(migrations: string[]): boolean {
  return migrations.includes('0005-moves')
}

async function requireReleased(ownerDb: Db): Promise<void> {
  if (!isPreRelease(await listMigrated(ownerDb))) return
  throw new AppError(
    'conflict',
    'This database was made by a version before 0.1.0 and cannot be upgraded. Give the service an empty one (DATABASE_URL, or another DATA_DIR), or remove its tables with deploy/platform/leave.sql and remove-our-tables.sql of that version.',
  )
}

async function runMigrations(ownerDb: Db, provider: MigrationProvider): Promise<string[]> {
  const migrator = new Migrator({
    db: ownerDb,
    provider,
    migrationTableName: 'document_migrations',
    migrationLockTableName: 'document_migrations_lock',
    // deploy/platform/leave.sql lets some that may run again do so.
    allowUnorderedMigrations: true,
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) throw new Error('the database could not be migrated', { cause: error })

  return results.map((result) => result.migrationName)
}

/** Those that change the platform's tables. */
const ofPlatform = new Set(['0001-platform-tables.sql', '0008-follow-the-platform.sql'])

async function run(db: Kysely<unknown>, file: string, text: string): Promise<void> {
  if (ofPlatform.has(file)) await lockPlatformTables(db)
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

/** The names of all that this version has. */
export async function listMigrations(): Promise<string[]> {
  return Object.keys(await sqlFiles.getMigrations())
}

function onlyThese(names: string[]): MigrationProvider {
  return {
    async getMigrations() {
      const all = Object.entries(await sqlFiles.getMigrations())
      return Object.fromEntries(all.filter(([name]) => names.includes(name)))
    },
  }
}
