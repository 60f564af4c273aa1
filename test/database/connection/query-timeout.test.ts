import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, test } from 'vitest'

import { openDatabase } from '../../../src/database/connection/client.ts'
import { inTransaction } from '../../../src/database/connection/in-transaction.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshDatabase()
  closing.defer(() => database.drop())
  // One connection: the next statement gets the one that timed out, unless the pool discards it.
  const connection = { connectionString: database.url, query_timeout: 300, max: 1 }
  const opened = openDatabase(connection, pino({ level: 'silent' }))
  closing.defer(() => opened.db.destroy())
  await sql`create table written (id int)`.execute(opened.db)
  return opened
})

const sleep = (seconds: number) => sql`select pg_sleep(${seconds})`

test('the statement after a timeout gets another connection and its own answer', async () => {
  const { db } = scene
  await expect(sleep(4).execute(db)).rejects.toThrow('Query read timeout')

  expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }])
  expect(scene.countConnections()).toMatchObject({ inUse: 0, idle: 1 })
})

test('a transaction with a timed-out statement leaves neither changes nor a connection', async () => {
  const { db } = scene
  const working = inTransaction(db, async (trx) => {
    await sql`insert into written values (1)`.execute(trx)
    await sleep(4).execute(trx)
  })
  await expect(working).rejects.toThrow('Query read timeout')

  expect((await sql`select id from written`.execute(db)).rows).toEqual([])
})
