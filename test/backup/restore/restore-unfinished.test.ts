import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'

import { loadRows } from '../../../src/database/backup/load-rows.ts'
import { prepareRestore } from '../../../src/backup/restore-backup.ts'
import { finishRestore } from '../../../src/database/backup/restores.ts'
import { openDatabase } from '../../../src/database/connection/client.ts'
import { listMigrations } from '../../../src/database/schema/migrate-schema.ts'
import { emptyDatabaseForTest, databaseSettings } from '../../support/cli/database-settings.ts'
import { startService } from '../../support/service/start-service.ts'

async function beginRestore() {
  const { DATABASE_URL: url = '' } = await emptyDatabaseForTest()
  const owner = { connectionString: url }
  const { db } = openDatabase(owner, pino({ level: 'silent' }))
  onTestFinished(() => db.destroy())
  const target = { store: 'local', name: '/srv/uploads' } as const
  const restoring = { backupId: randomUUID(), migrations: await listMigrations(), madeBy: '0', target }
  const prepare = () => prepareRestore(db, { ...restoring, inTarget: undefined })
  expect(await prepare()).toBe('new')
  const load = () =>
    loadRows(owner, {
      tables: [],
      rowsOf: noRows,
      eventsSince: null,
      signal: new AbortController().signal,
      onTable: () => undefined,
      finish: () => Promise.resolve(),
    })
  return { db, url, backupId: restoring.backupId, prepare, load }
}

async function* noRows(): AsyncGenerator<string> {}

test('a resumed restore finds rows written meanwhile before it loads its own, and leaves them', async () => {
  const { db, prepare, load } = await beginRestore()
  const document = { id: randomUUID(), name: 'Of somebody else', status: 'pending' }
  await sql`
    insert into security_firms (id, name, registration_number, email, phone, address, province, country, verification_status, credit_balance, is_locked)
    values (${document.id}::uuid, ${document.name}, '1', 'a@b.example', '1', 'a', 'p', 'c', ${document.status}, 0, false)`.execute(
    db,
  )

  const sentence = 'This database is not empty: security_firms has rows. A restore overwrites nothing.'
  await expect(prepare()).rejects.toMatchObject({ sentence: expect.stringContaining(sentence) })
  await expect(load()).rejects.toMatchObject({ sentence: expect.stringContaining(sentence) })

  const { rows } = await sql`select id::text, name, verification_status as status from security_firms`.execute(db)
  expect(rows).toEqual([document])
})

test('a service does not start on a database with an unfinished restore, with or without rows', async () => {
  const { db, url, backupId, prepare, load } = await beginRestore()
  const start = () => startService(databaseSettings(url))
  const sentence = `A restore into this database (of the backup ${backupId}) was started and is not finished. Run the same`

  await expect(start()).rejects.toMatchObject({ sentence: expect.stringContaining(sentence) })
  await load()
  expect(await prepare()).toBe('loaded')
  await expect(start()).rejects.toMatchObject({ sentence: expect.stringContaining(sentence) })

  await finishRestore(db)
  await expect(prepare()).rejects.toMatchObject({ sentence: expect.stringContaining('a restore created it') })
})

test('no row can be written between the check and the load', async () => {
  const { db, load } = await beginRestore()
  const writing = await db.startTransaction().execute()
  await sql`insert into document_holds (firm_id, held_by) values (${randomUUID()}::uuid, ${randomUUID()}::uuid)`.execute(
    writing,
  )

  const commitOnceItWaits = async () => {
    await expect
      .poll(async () => {
        const { rows } = await sql`
        select from pg_locks where not granted and relation = 'document_holds'::regclass
          and database = (select oid from pg_database where datname = current_database())`.execute(db)
        return rows.length
      })
      .toBe(1)
    await writing.commit().execute()
  }
  // Both at once: the write may be rejected at the moment of the commit.
  await Promise.all([
    expect(load()).rejects.toMatchObject({ sentence: expect.stringContaining('document_holds has rows') }),
    commitOnceItWaits(),
  ])
})
