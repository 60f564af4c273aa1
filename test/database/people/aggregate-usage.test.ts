import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { migrate } from '../../../src/database/schema/migrate-schema.ts'
import { aggregateUsage } from '../../../src/database/people/quota-usage.ts'
import { openNotingDatabase } from '../../support/database/count-statements.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshDatabase()
  closing.defer(() => database.drop())
  const { db, statements } = openNotingDatabase(closing, database.url)
  await migrate(db)
  return { db, statements }
})

const firmCount = 450

test('the changes of many firms are aggregated in few statements', async () => {
  const { db, statements } = scene
  const firms = Array.from({ length: firmCount }, () => randomUUID())
  await sql`
    insert into document_usage_changes (firm_id, bytes, documents)
    select firm, change * 10, 1 from unnest(${firms}::uuid[]) firm, generate_series(1, 3) change`.execute(db)
  await sql`insert into document_usage (firm_id, bytes, documents) values (${firms[0]}, 1000, 5)`.execute(db)
  statements.length = 0

  expect(await aggregateUsage(db)).toBe(3 * firmCount)

  expect(statements.length).toBeLessThan(5)
  const { rows } = await sql<{ firm: string; bytes: number; documents: number }>`
    select firm_id as firm, bytes::int, documents::int from document_usage`.execute(db)
  expect(new Map(rows.map(({ firm, ...usage }) => [firm, usage]))).toEqual(
    new Map(
      firms.map((firm, each) => [firm, each === 0 ? { bytes: 1060, documents: 8 } : { bytes: 60, documents: 3 }]),
    ),
  )
  expect((await sql`select from document_usage_changes`.execute(db)).rows).toEqual([])
})

test('a firm that another process is aggregating is skipped, and delays no other', async () => {
  const { db } = scene
  const [theirs, ours] = [randomUUID(), randomUUID()]
  await sql`
    insert into document_usage_changes (firm_id, bytes, documents)
    values (${theirs}, 1, 1), (${ours}, 1, 1)`.execute(db)
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('usage:' || ${theirs}::uuid, 0))`.execute(trx)
    expect(await aggregateUsage(db)).toBe(1)
  })
  const { rows } = await sql`select firm_id from document_usage_changes`.execute(db)
  expect(rows).toEqual([{ firm_id: theirs }])
})
