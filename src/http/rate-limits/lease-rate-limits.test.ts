import { expect, test } from 'vitest'

import type { Bucket, Lease, LeaseRequest } from '../../database/people/rate-limits.ts'
import { batchOf, creditOf, createRateLimiter, type RateLimiterNeeds } from './lease-rate-limits.ts'

const minute = 60_000

/** Buckets that several limiters share, with a clock that the test moves. Records each request for leases. */
function shareBuckets() {
  const clock = { at: Date.parse('2026-11-26T10:00:00Z') }
  const spentUntil = new Map<string, number>()
  const requested: LeaseRequest[][] = []

  const take = ({ bucket, calls }: LeaseRequest): Lease => {
    const msEach = (60 * minute) / bucket.perHour
    const until = Math.max(spentUntil.get(bucket.name) ?? 0, clock.at)
    const room = () => (60 * minute - (Math.max(spentUntil.get(bucket.name) ?? 0, clock.at) - clock.at)) / msEach
    const granted = Math.max(0, Math.min(calls, Math.floor(room() + 0.001)))
    spentUntil.set(bucket.name, until + granted * msEach)
    return { name: bucket.name, granted, left: room() }
  }
  const lease = async (requests: LeaseRequest[]) => {
    requested.push(requests)
    return requests.map(take)
  }
  const createInstance = (needs: Partial<RateLimiterNeeds> = {}) =>
    createRateLimiter({ now: () => new Date(clock.at), lease, ...needs })
  return { clock, requested, lease, createInstance }
}

type Limiter = ReturnType<typeof createRateLimiter>

/** The number of calls that pass, sent to each limiter in turn. */
async function countPassing(limiters: Limiter[], buckets: Bucket[], tries: number): Promise<number> {
  let passed = 0
  for (let index = 0; index < tries; index += 1) {
    const limiter = limiters[index % limiters.length]
    if ((await limiter?.spend(buckets)) === undefined) passed += 1
  }
  return passed
}

const thousand: Bucket = { name: 'downloads:person:thandi', perHour: 1000 }

test('a rare caller costs no statement, and a frequent one a statement per batch', async () => {
  const { createInstance, requested } = shareBuckets()
  const limiter = createInstance()

  await countPassing([limiter], [thousand], creditOf(thousand))
  const first = requested.length
  await countPassing([limiter], [thousand], batchOf(thousand) + creditOf(thousand))

  expect(first).toBe(0)
  expect(requested).toEqual([[{ bucket: thousand, calls: creditOf(thousand) + batchOf(thousand) }]])
})

test('the calls of an hour may come at once, then one passes at a time', async () => {
  const { createInstance, clock } = shareBuckets()
  const limiter = createInstance()

  const everyFourSeconds: Bucket = { name: 'downloads:person:sipho', perHour: 900 }
  const passed = await countPassing([limiter], [everyFourSeconds], 1200)
  const ahead = passed - 900
  expect(ahead).toBeGreaterThanOrEqual(0)
  expect(ahead).toBeLessThanOrEqual(creditOf(everyFourSeconds))

  // What was spent ahead is paid first.
  const denied = await limiter.spend([everyFourSeconds])
  expect(denied?.retryAfterSeconds).toBe((ahead + 1) * 4)
  clock.at += (ahead + 1) * 4000 - 1
  expect(await limiter.spend([everyFourSeconds])).toBeDefined()
  clock.at += 1
  expect(await limiter.spend([everyFourSeconds])).toBeUndefined()
})

test('a call passes exactly after Retry-After', async () => {
  const few: Bucket = { name: 'logins:person:a', perHour: 7 }
  const { createInstance, clock } = shareBuckets()
  const limiter = createInstance()

  expect(await countPassing([limiter], [few], 20)).toBe(7)
  expect((await limiter.spend([few]))?.retryAfterSeconds).toBe(Math.ceil(3600 / 7))
  clock.at += Math.ceil(3600 / 7) * 1000
  expect(await countPassing([limiter], [few], 5)).toBe(1)
})

test.each([1, 2, 10])('%i instances let no more calls pass than the limit and the credit of each', async (count) => {
  const { createInstance } = shareBuckets()
  const instances = Array.from({ length: count }, () => createInstance())

  const passed = await countPassing(instances, [thousand], 3000)

  expect(passed).toBeLessThanOrEqual(1000 + count * creditOf(thousand))
  // Other instances may spend their leases: no caller is denied before the limit.
  expect(passed).toBeGreaterThanOrEqual(1000)
})

test('a denied caller is denied without a statement until the time is over', async () => {
  const { createInstance, requested } = shareBuckets()
  const limiter = createInstance()
  await countPassing([limiter], [thousand], 1100)
  const before = requested.length

  expect(await countPassing([limiter], [thousand], 500)).toBe(0)
  expect(requested.length).toBe(before)
})

test('a request spends a call of each bucket, and none if one of them denies it', async () => {
  const { createInstance } = shareBuckets()
  const limiter = createInstance()
  const address: Bucket = { name: 'downloads:address:203.0.113.7', perHour: 10 }

  expect(await countPassing([limiter], [thousand, address], 50)).toBe(10)
  expect((await limiter.spend([thousand, address]))?.bucket).toEqual(address)
  expect(await countPassing([limiter], [thousand], 1100)).toBe(990)
})

test('a peek denies a caller known to be at the limit, spends nothing and runs no statement', async () => {
  const { createInstance, requested, clock } = shareBuckets()
  const limiter = createInstance()

  expect(limiter.peek([thousand])).toBeUndefined()
  expect(requested).toEqual([])
  await countPassing([limiter], [thousand], 1100)
  const before = requested.length
  const denied = limiter.peek([thousand])
  expect(denied?.bucket).toEqual(thousand)
  clock.at += (denied?.retryAfterSeconds ?? 0) * 1000
  for (let count = 0; count < 5; count += 1) expect(limiter.peek([thousand])).toBeUndefined()
  expect(requested.length).toBe(before)
  expect(await limiter.spend([thousand])).toBeUndefined()
})

test('concurrent calls share one lease', async () => {
  const { createInstance, requested } = shareBuckets()
  const limiter = createInstance()
  const one: Bucket = { name: 'uploads:person:thandi', perHour: 400 }

  const answers = await Promise.all(Array.from({ length: 40 }, () => limiter.spend([one])))

  expect(answers.filter((each) => each !== undefined)).toEqual([])
  expect(requested.length).toBe(1)
})

test('a lease expires after ten minutes', async () => {
  const { createInstance, requested, clock } = shareBuckets()
  const limiter = createInstance()
  await countPassing([limiter], [thousand], creditOf(thousand) + 1)
  const before = requested.length
  clock.at += 10 * minute - 1
  await countPassing([limiter], [thousand], 1)
  expect(requested.length).toBe(before)

  clock.at += 1
  await countPassing([limiter], [thousand], creditOf(thousand) + 1)

  expect(requested.length).toBe(before + 1)
})

test('without leases an instance lets the calls of an hour pass, and for some seconds no statement runs', async () => {
  const { createInstance, clock } = shareBuckets()
  let requested = 0
  let failures = 0
  const limiter = createInstance({
    async lease() {
      requested += 1
      throw new Error('the database is out')
    },
    onFailure: () => void (failures += 1),
  })

  expect(await countPassing([limiter], [thousand], 3000)).toBe(1000)
  expect([requested, failures]).toEqual([1, 1])
  expect((await limiter.spend([thousand]))?.retryAfterSeconds).toBe(4)
  clock.at += 5000
  await limiter.spend([thousand])
  expect(requested).toBe(2)
})

test('calls without a lease count after the calls of earlier leases, and the next lease pays for them', async () => {
  const { createInstance, clock, lease } = shareBuckets()
  let isOut = false
  const limiter = createInstance({
    async lease(requests) {
      if (isOut) throw new Error('the database is out')
      return lease(requests)
    },
  })

  expect(await countPassing([limiter], [thousand], 600)).toBe(600)
  isOut = true
  expect(await countPassing([limiter], [thousand], 3000)).toBe(400)
  isOut = false
  clock.at += 5000
  // One call refills in 3.6 seconds.
  expect(await countPassing([limiter], [thousand], 3000)).toBeLessThanOrEqual(creditOf(thousand) + 1)
})

test('a call that failed without a database is returned, and others stay spent', async () => {
  const { createInstance } = shareBuckets()
  const limiter = createInstance({
    async lease() {
      throw new Error('the database is out')
    },
  })

  for (let count = 0; count < 3000; count += 1) {
    expect(await limiter.spend([thousand])).toBeUndefined()
    limiter.giveBack([thousand])
  }
  const working = shareBuckets().createInstance()
  await countPassing([working], [thousand], 1100)
  working.giveBack([thousand])

  expect(await working.spend([thousand])).toBeDefined()
})

test('a call that waits too long for a lease passes', async () => {
  const { createInstance } = shareBuckets()
  let failures = 0
  const limiter = createInstance({
    lease: () => new Promise(() => undefined),
    onFailure: () => void (failures += 1),
    patienceMs: 20,
  })

  expect(await countPassing([limiter], [thousand], creditOf(thousand) + 1)).toBe(creditOf(thousand) + 1)
  expect(failures).toBe(1)
})
