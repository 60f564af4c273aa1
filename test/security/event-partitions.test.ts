import { sql } from 'kysely'
import { Client } from 'pg'
import { beforeEach, expect, it } from 'vitest'

import { type Db, openDatabase } from '../../src/database/connection/client.ts'
import { createEventMonths } from '../../src/database/audit/event-partitions.ts'
import { recordEvent, systemActor } from '../../src/database/audit/events.ts'
import { migrate } from '../../src/database/schema/migrate-schema.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { freshDatabase, type FreshDatabase } from '../support/database/fresh-database.ts'

let database: FreshDatabase
let db: Db
let other: Client

beforeEach(async () => {
  database = await freshDatabase()
  ;({ db } = openDatabase({ connectionString: database.url }, createLogger({ level: 'silent', isTerminal: false })))
  await migrate(db)
  other = new Client({ connectionString: database.url })
  await other.connect()
  return async () => {
    await other.end()
    await db.destroy()
    await database.drop()
  }
})

it('events in the default partition prevent neither a start nor the creation of later months', async () => {
  await insertEventAt("date_trunc('month', now()) + interval '4 months 1 day'")

  const missing = await createEventMonths(db, 5)
  await migrate(db)

  expect(missing).toMatchObject([{ error: { code: '23514' } }])
  expect(await partitions()).toEqual([...[0, 1, 2, 3, 5].map(nameOfMonth), 'document_events_default'])
})

it('writers of events do not wait while months are created, even during an open transaction with events', async () => {
  await other.query('begin')
  await other.query(
    `insert into document_trail (action, outcome, ip, user_agent, request_id) values ('x', 'ok', '', '', '')`,
  )

  const creating = createEventMonths(db, 5)
  const seconds = await secondsOfWriting(20)
  const missing = await creating
  await other.query('commit')

  expect(missing).toEqual([])
  expect(await partitions()).toContain(nameOfMonth(5))
  expect(seconds).toBeLessThan(1)
})

it('a reader of the default partition delays the months, and no writer of events', async () => {
  await other.query('begin')
  await other.query('select count(*) from document_events')

  const creating = createEventMonths(db, 4)
  const seconds = await secondsOfWriting(20)
  const missing = await creating
  await other.query('commit')

  expect(missing).toMatchObject([{ error: { code: '55P03' } }])
  expect(seconds).toBeLessThan(1)
  expect(await createEventMonths(db, 4)).toEqual([])
  expect(await partitions()).toContain(nameOfMonth(4))
})

it('a new month denies changes and has the indexes', async () => {
  await createEventMonths(db, 4)
  await insertEventAt("date_trunc('month', now()) + interval '4 months 1 day'")

  const month = nameOfMonth(4)
  for (const change of [`update ${month} set action = 'y'`, `delete from ${month}`, `truncate ${month}`])
    await expect(sql.raw(change).execute(db)).rejects.toMatchObject({ code: '42501' })
  expect(await indexesOf(month)).toBe(await indexesOf(nameOfMonth(0)))
})

it('no partition is created for a month long ago or far ahead', async () => {
  for (const month of ['1999-12-01', '2525-01-01'])
    await expect(sql`select document_events_create_month(${month}::date)`.execute(db)).rejects.toMatchObject({
      code: '22023',
    })
})

async function insertEventAt(time: string): Promise<void> {
  await sql`insert into document_events (occurred_at, action, outcome, request_id, personal_commitment)
    values (${sql.raw(time)}, 'x', 'ok', '', sha256(''))`.execute(db)
}

/** The longest duration of this number of events. */
async function secondsOfWriting(count: number): Promise<number> {
  let longest = 0
  for (let number = 0; number < count; number += 1) {
    const startedAt = performance.now()
    await recordEvent(db, systemActor('a test'), { action: 'document.viewed', outcome: 'ok' })
    longest = Math.max(longest, performance.now() - startedAt)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return longest / 1000
}

async function partitions(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'document_events'::regclass order by 1`.execute(db)
  return rows.map(({ name }) => name)
}

async function indexesOf(table: string): Promise<number | undefined> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_index where indrelid = ${table}::regclass`.execute(db)
  return rows[0]?.count
}

/** For example `document_events_2026_11`. */
function nameOfMonth(ahead: number): string {
  const now = new Date()
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
  return `document_events_${month.toISOString().slice(0, 7).replace('-', '_')}`
}
