import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type Db, openDatabase } from '../../../src/database/connection/client.ts'
import { freshDatabase, type FreshDatabase } from '../../support/database/fresh-database.ts'

let database: FreshDatabase
let db: Db

beforeAll(async () => {
  database = await freshDatabase()
  // One connection, so that all statements share it.
  db = openDatabase({ connectionString: database.url, max: 1 }, pino({ level: 'silent' })).db
})

afterAll(async () => {
  await db.destroy()
  await database.drop()
})

async function preparedLike(pattern: string): Promise<{ name: string; statement: string }[]> {
  // Without a parameter this statement is not prepared itself.
  const { rows } = await sql<{ name: string; statement: string }>`
    select name, statement from pg_prepared_statements where statement like ${sql.lit(pattern)}`.execute(db)
  return rows
}

const fail = () => sql`select 1 / ${0}::int as failing`.execute(db)

const askTwice = (number: number) => sql<{ twice: number }>`select ${number}::int * 2 as twice`.execute(db)

test('a connection prepares a statement once, whatever its parameters', async () => {
  const answers = [await askTwice(1), await askTwice(2), await askTwice(3)]

  expect(answers.map(({ rows }) => rows[0]?.twice)).toEqual([2, 4, 6])
  expect(await preparedLike('%as twice%')).toHaveLength(1)
})

test('a table with a new column can still be read and written', async () => {
  await sql`create table documents (id int)`.execute(db)
  const write = (id: number) =>
    sql<{ id: number }>`with new as (insert into documents values (${id}) returning *) select id from new`.execute(db)
  await write(1)

  await sql`alter table documents add column name text`.execute(db)

  expect((await write(2)).rows).toEqual([{ id: 2 }])
})

test('a failing statement is prepared and fails again with the same message', async () => {
  await expect(fail()).rejects.toMatchObject({ code: '22012' })
  await expect(fail()).rejects.toMatchObject({ code: '22012' })
  expect(await preparedLike('%as failing%')).toHaveLength(1)
})

test('an unlimited number of generated texts does not fill the connection', async () => {
  for (let number = 0; number < 400; number += 1)
    await sql`select ${number}::int as ${sql.ref(`endless_${number}`)}`.execute(db)

  const prepared = await preparedLike('%endless%')
  expect(prepared.length).toBeGreaterThan(0)
  expect(prepared.length).toBeLessThanOrEqual(300)
})
