import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, it, onTestFinished } from 'vitest'

import { sealTrail } from '../../src/audit/seal-trail.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { startService } from '../support/service/start-service.ts'
import { findFaults, sealAll, writeEvents } from './sealed-trail.ts'

it('an event that waits while others are gathered belongs to the next seal', async () => {
  const database = await freshMigratedDatabase()
  onTestFinished(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  onTestFinished(() => service.stop())
  const { db } = service.app
  const writer = new Client({ connectionString: database.url })
  await writer.connect()
  onTestFinished(() => writer.end())
  await writer.query('begin')
  await writer.query('lock table only document_events in row exclusive mode')

  const sealing = sealTrail({ db })
  await waitersOf(db, 1)
  const writing = writeEvents(db, 1)
  await waitersOf(db, 2)
  await wait(5)
  await writer.query('commit')
  await Promise.all([sealing, writing])

  await sealAll(db)
  await writeEvents(db, 1)
  await sealAll(db)
  const { findings, verified } = await findFaults(db)
  expect(findings).toEqual([])
  expect(verified).toMatchObject({ events: 2, unsealed: 0 })
})

/** Until so many wait for a lock on the events. */
async function waitersOf(db: Db, count: number): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await sql<{ n: number }>`
        select count(*)::int as n from pg_locks
        where not granted and relation = 'document_events'::regclass`.execute(db)
      return rows[0]?.n
    })
    .toBe(count)
}
