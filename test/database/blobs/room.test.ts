import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { Db, Tx } from '../../../src/database/connection/client.ts'
import type { Quota } from '../../../src/database/people/quota-usage.ts'
import { createUploadReserver } from '../../../src/database/blobs/reserve-upload.ts'
import { rights } from '../../../src/people/rights.ts'
import type { ProcessId } from '../../../src/vocabulary/vocabulary.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { callerOf, type FirmWithMember, makeFirmWithMember, newReservation, openRegistry } from './reservation-scene.ts'

const scene = sceneOfFile(openRegistry)

const processId = randomUUID() as ProcessId // used by no other process
const defaults = { bytes: 100, documents: 10, draftBytes: undefined }
const right = rights['documents.upload']

const newFirm = () => makeFirmWithMember(scene)

async function open(db: Db | Tx, firm: FirmWithMember, bytes: number, quota: Quota = defaults): Promise<string | null> {
  const reserve = createUploadReserver(db, { processId, right, defaultQuota: { ...quota, draftBytes: undefined } })
  const { exceeded: refused } = await reserve(callerOf(firm), newReservation(firm, bytes))
  return refused
}

const mebibyte = 1024 * 1024

/** The free space that parallel checks require. */
async function marginOf(): Promise<number> {
  const { rows } = await sql<{ most: number }>`
    select current_setting('max_connections')::int as most`.execute(scene.db)
  return (rows[0]?.most ?? 0) * 16 * mebibyte
}

async function waitingForRoom(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_locks
    where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())
  `.execute(scene.db)
  return rows[0]?.count ?? 0
}

/** Two seeds with which checks of one firm draw different locks of its 32. With the same lock one waits for the other. */
async function seedsOfTwoLocks(): Promise<[number, number]> {
  const seeds = [0.1, 0.2, 0.3, 0.4, 0.5]
  const drawn = await scene.db.connection().execute(async (connection) => {
    const locks: number[] = []
    for (const seed of seeds) {
      await sql`select setseed(${seed})`.execute(connection)
      const { rows } = await sql<{ lock: number }>`select floor(random() * 32)::int as lock`.execute(connection)
      locks.push(rows[0]?.lock ?? 0)
    }
    return locks
  })
  const other = seeds.find((_, position) => drawn[position] !== drawn[0])
  if (other === undefined) throw new Error('every seed drew the same lock')
  return [0.1, other]
}

it('a check that waits for another check of the same firm sees its reservation', async () => {
  const firm = await newFirm()
  const first = await scene.db.startTransaction().execute()
  expect(await open(first, firm, 60)).toBeNull()
  const second = open(scene.db, firm, 60)
  await expect.poll(waitingForRoom).toBe(1)
  await first.commit().execute()

  expect(await second).toBe('bytes')
  expect(await open(scene.db, firm, 40)).toBeNull()
})

it('a check of another firm does not wait', async () => {
  const first = await scene.db.startTransaction().execute()
  await open(first, await newFirm(), 60)

  expect(await open(scene.db, await newFirm(), 60)).toBeNull()
  await first.rollback().execute()
})

it('without a quota nobody waits', async () => {
  const firm = await newFirm()
  const boundless = { bytes: undefined, documents: undefined }
  const first = await scene.db.startTransaction().execute()
  await open(first, firm, 2 ** 31, boundless)

  expect(await open(scene.db, firm, 2 ** 31, boundless)).toBeNull()
  await first.rollback().execute()
})

it('far from the quota only large uploads wait, for all others', async () => {
  const firm = await newFirm()
  const large = { bytes: (await marginOf()) + 100 * mebibyte, documents: 1_000_000 }
  const [seed, otherSeed] = await seedsOfTwoLocks()
  const first = await scene.db.startTransaction().execute()
  await sql`select setseed(${seed})`.execute(first)
  expect(await open(first, firm, mebibyte, large)).toBeNull()

  const second = await scene.db.startTransaction().execute()
  await sql`select setseed(${otherSeed})`.execute(second)
  expect(await open(second, firm, mebibyte, large)).toBeNull()
  await second.commit().execute()
  const last = open(scene.db, firm, 17 * mebibyte, large)
  await expect.poll(waitingForRoom).toBe(1)
  await first.commit().execute()
  expect(await last).toBeNull()
})

it('an upload that had to wait until the quota was near is checked again', async () => {
  const firm = await newFirm()
  const large = { bytes: (await marginOf()) + 100 * mebibyte, documents: 1_000_000 }
  const first = await scene.db.startTransaction().execute()
  expect(await open(first, firm, large.bytes - mebibyte, large)).toBeNull()
  const waiting = [open(scene.db, firm, 2 * mebibyte, large), open(scene.db, firm, mebibyte, large)]
  await expect.poll(waitingForRoom).toBe(2)
  await first.commit().execute()

  expect(await Promise.all(waiting)).toEqual(['bytes', null])
  expect(await open(scene.db, firm, 1, large)).toBe('bytes')
})

it('an upload aggregates many usage changes', async () => {
  const firm = await newFirm()
  await sql`insert into document_usage_changes (firm_id, bytes, documents)
    select ${firm.firmId}::uuid, 1, 0 from generate_series(1, 90)`.execute(scene.db)
  const changes = async () => {
    const { rows } = await sql`select from document_usage_changes where firm_id = ${firm.firmId}`.execute(scene.db)
    return rows.length
  }
  expect(await open(scene.db, firm, 1)).toBeNull()
  expect(await changes()).toBe(90)
  await sql`insert into document_usage_changes (firm_id, bytes, documents)
    select ${firm.firmId}::uuid, 0, 0 from generate_series(1, 11)`.execute(scene.db)

  expect(await open(scene.db, firm, 10)).toBe('bytes')
  expect(await changes()).toBe(0)
  expect(await open(scene.db, firm, 9)).toBeNull()
})

it('of a batch, as many uploads as fit get room, and uploads of other firms are not delayed', async () => {
  const [firm, other] = [await newFirm(), await newFirm()]
  const reserve = createUploadReserver(scene.db, { processId, right, defaultQuota: defaults })
  const asked = [60, 30, 30, 10].map((bytes) => reserve(callerOf(firm), newReservation(firm, bytes)))
  const others = [60, 40].map((bytes) => reserve(callerOf(other), newReservation(other, bytes)))

  const answers = await Promise.all(asked)
  const { rows } = await sql<{ bytes: number }>`
    select sum(reserved_bytes)::int as bytes from document_blobs where firm_id = ${firm.firmId}`.execute(scene.db)

  expect(answers.filter(({ isReserved }) => isReserved).length).toBeGreaterThanOrEqual(2)
  expect(answers.some(({ exceeded: refused }) => refused === 'bytes')).toBe(true)
  expect(rows[0]?.bytes).toBeLessThanOrEqual(100)
  expect((await Promise.all(others)).map(({ isReserved }) => isReserved)).toEqual([true, true])
})
