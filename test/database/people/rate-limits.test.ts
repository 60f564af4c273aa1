import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { leaseCalls, deleteFullBuckets } from '../../../src/database/people/rate-limits.ts'
import { migratedDatabase } from '../../support/database/migrated-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => ({ db: await migratedDatabase(closing) }))

let count = 0
const bucketOf = (perHour: number) => ({ name: `uploads:person:${(count += 1)}`, perHour })

async function lease(bucket: { name: string; perHour: number }, calls: number) {
  const [leased] = await leaseCalls(scene.db, [{ bucket, calls }])
  return leased ?? { name: 'none', granted: -1, left: -1 }
}

/** As if this number of seconds had passed. */
async function pass(bucket: { name: string }, seconds: number): Promise<void> {
  await sql`update document_rates set spent_until = spent_until - make_interval(secs => ${seconds})
    where bucket = ${bucket.name}`.execute(scene.db)
}

it.each([1, 7, 40, 1000, 20_000])(
  'a limit of %i calls an hour allows exactly that number, also one by one',
  async (perHour) => {
    const bucket = bucketOf(perHour)
    const each = Math.max(1, Math.floor(perHour / 20))
    const granted: number[] = []
    for (let asked = 0; asked < perHour + 3 * each; asked += each) granted.push((await lease(bucket, each)).granted)

    // Some calls become available again while the test runs.
    const sum = granted.reduce((total, one) => total + one, 0)
    expect(sum).toBeGreaterThanOrEqual(perHour)
    expect(sum).toBeLessThanOrEqual(perHour * 1.02 + 1)
  },
)

it('concurrent leases on many connections never exceed the limit', async () => {
  const bucket = bucketOf(100)
  const leases = await Promise.all(Array.from({ length: 60 }, () => lease(bucket, 3)))

  expect(leases.reduce((total, { granted }) => total + granted, 0)).toBe(100)
})

it('two leases of the same two buckets in different order both succeed', async () => {
  const [one, other] = [bucketOf(1000), bucketOf(1000)]
  const options = (bucket: typeof one) => ({ bucket, calls: 2 })
  const both = Array.from({ length: 40 }, (_, index) =>
    leaseCalls(scene.db, index % 2 === 0 ? [options(one), options(other)] : [options(other), options(one)]),
  )

  const granted = (await Promise.all(both)).flat().map((each) => each.granted)
  expect(granted).toEqual(Array.from({ length: 80 }, () => 2))
})

it('calls become available again during the hour, up to the limit of one hour', async () => {
  const bucket = bucketOf(60)
  expect((await lease(bucket, 60)).granted).toBe(60)
  await pass(bucket, 50)
  expect((await lease(bucket, 1)).granted).toBe(0)
  await pass(bucket, 10)
  expect((await lease(bucket, 5)).granted).toBe(1)
  await pass(bucket, 7 * 3600)
  expect((await lease(bucket, 500)).granted).toBe(60)
})

it('the result has the remaining calls, from which the next possible call is calculated', async () => {
  const bucket = bucketOf(60)
  expect((await lease(bucket, 59)).left).toBeCloseTo(1, 1)
  expect((await lease(bucket, 1)).left).toBeCloseTo(0, 1)
  await pass(bucket, 30)
  expect((await lease(bucket, 1)).left).toBeCloseTo(0.5, 1)
})

it('full buckets are deleted, others are not', async () => {
  const [full, used] = [bucketOf(60), bucketOf(60)]
  await lease(full, 10)
  await lease(used, 10)
  await pass(full, 3600)
  await deleteFullBuckets(scene.db)

  const { rows } = await sql<{ bucket: string }>`
    select bucket from document_rates where bucket in (${full.name}, ${used.name})`.execute(scene.db)
  expect(rows).toEqual([{ bucket: used.name }])
})

it('deleting full buckets waits for no lease, so it never makes a lease fail', async () => {
  const [last, first] = [bucketOf(60), bucketOf(60)]
  for (const each of [last, first]) {
    await lease(each, 1)
    await pass(each, 3600)
  }
  const leasing = await scene.db.startTransaction().execute()
  await leaseCalls(leasing, [{ bucket: first, calls: 1 }])
  const forgetting = deleteFullBuckets(scene.db)
  await Promise.race([forgetting, wait(300)])

  const [leased] = await leaseCalls(leasing, [{ bucket: last, calls: 1 }])
  await leasing.commit().execute()
  await forgetting
  expect(leased?.granted).toBe(1)
})
