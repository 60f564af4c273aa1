import { sql } from 'kysely'
import { beforeEach, expect, it } from 'vitest'

import { sealTrail } from '../../src/audit/seal-trail.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { freshMigratedDatabase, type FreshDatabase } from '../support/database/fresh-database.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { findFaults, sealAll, tamper, writeEvents } from './sealed-trail.ts'
import { listSeals } from '../../src/audit/sealed-events.ts'
import { readSealsSince } from '../../src/database/audit/trail.ts'

const inAnotherCluster = `create or replace function document_cluster() returns text language sql as $$ select 'elsewhere' $$`

let database: FreshDatabase
let service: TestService
let db: Db
beforeEach(async () => {
  database = await freshMigratedDatabase()
  service = await startService({ DATABASE_URL: database.url })
  db = service.app.db
  return async () => {
    await service.stop()
    await database.drop()
  }
})

/** Aborted from the moment on at which it was looked at so many times. */
function abortingAfter(looks: number): AbortSignal {
  let asked = 0
  return Object.defineProperty(new AbortController().signal, 'aborted', { get: () => (asked += 1) > looks })
}

/** How many seals each transaction made, in order. */
async function sealsByTransaction(): Promise<number[]> {
  const { rows } = await sql<{ seals: number }>`
    select count(*)::int as seals from document_seals group by xmin order by min(number)`.execute(db)
  return rows.map(({ seals }) => seals)
}

it('a long trail is gathered without each seal reading all that were made before it', async () => {
  await writeEvents(db, 55)
  await sealAll(db)

  const read: number[] = []
  for await (const seal of listSeals(db)) read.push((await readSealsSince(db, seal.notBefore, seal.number)).length)

  expect(read.length).toBeGreaterThan(5)
  expect(read).toEqual(read.map(() => 0))
  expect((await findFaults(db)).findings).toEqual([])
})

it('a long trail is gathered a few seals at a time, so that nobody who writes an event waits for all of them', async () => {
  await writeEvents(db, 125)

  expect(await sealTrail({ db }, 10)).toEqual({ seals: 13, events: 125 })
  expect(await sealsByTransaction()).toEqual([5, 5, 3])
})

it.each([
  ['before it has begun', 0, 0],
  ['between two seals', 2, 2],
  ['between two handfuls', 5, 5],
])('told to end %s it ends at once, and the next run goes on from there', async (_when, looks, seals) => {
  await writeEvents(db, 125)

  expect(await sealTrail({ db, signal: abortingAfter(looks) }, 10)).toEqual({ seals, events: 10 * seals })
  await writeEvents(db, 20)
  await sealAll(db)

  const { findings, verified } = await findFaults(db)
  expect(findings).toEqual([])
  expect(verified).toMatchObject({ events: 145, unsealed: 0 })
})

it('in another cluster too, where the last events of the one before are many', async () => {
  await writeEvents(db, 45)
  await sealAll(db)
  await writeEvents(db, 40)
  await sealAll(db)
  await tamper(database.url, inAnotherCluster)
  await writeEvents(db, 33)

  const before = await findFaults(db)
  await sealTrail({ db, signal: abortingAfter(3) }, 10)
  const between = await findFaults(db)
  await writeEvents(db, 10)
  await sealAll(db)

  const { findings, verified } = await findFaults(db)
  expect([before.findings, between.findings, findings]).toEqual([[], [], []])
  expect(verified).toMatchObject({ events: 128, unsealed: 0 })
})

it('transactions of another cluster have numbers that others had before, and what they wrote is not taken for theirs', async () => {
  await writeEvents(db, 5)
  await sealAll(db)
  await writeEvents(db, 20)
  await sealAll(db)
  await tamper(
    database.url,
    inAnotherCluster,
    // As a database does whose transaction numbers start again.
    `insert into document_events (action, outcome, request_id, personal_commitment, transaction_id)
     select 'document.viewed', 'ok', 'after the move', sha256(''), transaction_id from document_events
     where transaction_id > (select max(after_transaction) from document_seals) limit 7`,
  )
  await sealAll(db)

  const { findings, verified } = await findFaults(db)
  expect(findings).toEqual([])
  expect(verified).toMatchObject({ events: 32, unsealed: 0 })
})
