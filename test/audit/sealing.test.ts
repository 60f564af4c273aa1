import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { recordEvent, systemActor } from '../../src/database/audit/events.ts'
import { sceneOfTest } from '../support/service/scene-of-file.ts'
import { findFaults, openTrail, sealAll, tamper, writeEvents } from './sealed-trail.ts'

/** As after a dump was restored in another cluster. */
const inAnotherCluster = `update document_installation set trail_cluster = 'elsewhere'`

const trail = sceneOfTest(openTrail)

/** Aborts after so many reads of `aborted`. */
function abortingAfter(reads: number): AbortSignal {
  let done = 0
  return Object.defineProperty(new AbortController().signal, 'aborted', { get: () => (done += 1) > reads })
}

async function numbersOfEvents(): Promise<bigint[]> {
  const rows = await trail.db.selectFrom('document_events').select('transaction_id').orderBy('occurred_at').execute()
  return rows.map(({ transaction_id: number }) => BigInt(number))
}

it('a seal has every event of its last transaction', async () => {
  await writeEvents(trail.db, 3)
  await tamper(
    trail.url,
    `insert into document_events (action, outcome, request_id, personal_commitment)
     select 'document.viewed', 'ok', 'together', sha256('') from generate_series(1, 25)`,
  )

  expect(await sealAll(trail.db)).toEqual({ seals: 1, events: 28 })
  expect((await findFaults(trail.db)).findings).toEqual([])
})

it.each([0, 2])('an abort after %i seals ends the run, and the next run continues', async (seals) => {
  await writeEvents(trail.db, 45)

  expect(await sealAll(trail.db, abortingAfter(seals))).toEqual({ seals, events: 10 * seals })
  await writeEvents(trail.db, 20)
  await sealAll(trail.db)

  const { findings, verified } = await findFaults(trail.db)
  expect(findings).toEqual([])
  expect(verified).toMatchObject({ events: 65, unsealed: 0 })
})

it('in another cluster, where transactions start at low numbers again, the trail continues after its last event', async () => {
  await tamper(trail.url, 'update document_installation set trail_offset = 1000000000000')
  await writeEvents(trail.db, 45)
  await sealAll(trail.db)
  await writeEvents(trail.db, 15)
  await tamper(trail.url, inAnotherCluster)

  const moved = await findFaults(trail.db)
  await sealAll(trail.db)
  await Promise.all(Array.from({ length: 8 }, async () => writeEvents(trail.db, 4)))
  const before = await findFaults(trail.db)
  await sealAll(trail.db)

  const { findings, verified } = await findFaults(trail.db)
  expect([moved.findings, before.findings, findings]).toEqual([[], [], []])
  expect([before.verified.unsealed, verified.events, verified.unsealed]).toEqual([32, 92, 0])
  const numbers = await numbersOfEvents()
  expect(numbers.slice(60).every((number) => numbers.slice(0, 60).every((earlier) => number > earlier))).toBe(true)
})

it('a database that was restored in its own cluster continues after the last event of the copy', async () => {
  await writeEvents(trail.db, 5)
  await sealAll(trail.db)
  await tamper(
    trail.url,
    // A copy can have higher numbers than this cluster has reached.
    `update document_seals set through_transaction = 1000000000000`,
    `update document_installation set trail_cluster = null`,
  )

  await Promise.all(Array.from({ length: 8 }, async () => writeEvents(trail.db, 1)))

  expect((await numbersOfEvents()).slice(5).every((number) => number > 1_000_000_000_000n)).toBe(true)
  expect(await sealAll(trail.db)).toEqual({ seals: 1, events: 8 })
})

it('a role that sets the variable of the cluster changes no number', async () => {
  await writeEvents(trail.db, 1)
  const installation = async () =>
    (await sql`select trail_cluster, trail_offset from document_installation`.execute(trail.db)).rows
  const before = await installation()

  await trail.db.transaction().execute(async (trx) => {
    await sql`set local paniq_documents.cluster = 'forged'`.execute(trx)
    await recordEvent(trx, systemActor('a test'), { action: 'a test', outcome: 'ok' })
  })

  expect(await installation()).toEqual(before)
})
