import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'

import { prepareRestore } from '../../../src/backup/restore-backup.ts'
import { type Db, openDatabase } from '../../../src/database/connection/client.ts'
import { migrate } from '../../../src/database/schema/migrate-schema.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'

const preReleaseMigrations = ['0001-platform-tables', '0002-documents', '0005-moves']

test('a database from before 0.1.0 is rejected in one line with the fix, and is not changed', async () => {
  const db = await emptyDatabase()
  await sql`create table document_migrations (name text, timestamp text)`.execute(db)
  await sql`insert into document_migrations select unnest(${preReleaseMigrations}::text[]), ''`.execute(db)

  const rejected = migrate(db)

  await expect(rejected).rejects.toMatchObject({
    sentence: expect.stringMatching(/^A version before 0\.1\.0 created this database.*Configure an empty database.*$/),
  })
  expect(await listTables(db)).toEqual(['document_migrations'])
})

test('a backup from before 0.1.0 is rejected and creates no table', async () => {
  const db = await emptyDatabase()

  const rejected = prepareRestore(db, {
    backupId: crypto.randomUUID(),
    migrations: preReleaseMigrations,
    madeBy: '0.1.0',
    target: undefined,
    inTarget: undefined,
  })

  await expect(rejected).rejects.toMatchObject({
    sentence: expect.stringMatching(/^A version before 0\.1\.0 created the backup/),
  })
  expect(await listTables(db)).toEqual([])
})

async function emptyDatabase(): Promise<Db> {
  const database = await freshDatabase()
  const { db } = openDatabase({ connectionString: database.url }, pino({ level: 'silent' }))
  onTestFinished(async () => {
    await db.destroy()
    await database.drop()
  })
  return db
}

async function listTables(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'public' order by tablename`.execute(db)
  return rows.map(({ name }) => name)
}
