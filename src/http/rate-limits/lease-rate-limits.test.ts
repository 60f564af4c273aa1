import { expect, test } from 'vitest'

import type { Bucket, Lease, LeaseRequest } from '../../database/people/rate-limits.ts'
import { batchOf, creditOf, createRateLimiter, type RateLimiterNeeds } from './lease-rate-limits.ts'

const minute = 60_000

/** RateLimiter that all holders share, by a clock that the test moves; it counts how often it was asked. */
function shareBuckets() {
  const clock = { at: Date.parse('2026-11-26T10:00:00Z') }
  const spentUntil = new Map<string, number>()
  const asked: LeaseRequest[][] = []

  const take = ({ bucket, permits }: LeaseRequest): Lease => {
    const msEach = (60 * minute) / bucket.perHour
    const until = Math.max(spentUntil.get(bucket.name) ?? 0, clock.at)
    const room = () => (60 * minute - (Math.max(spentUntil.get(bucket.name) ?? 0, clock.at) - clock.at)) / msEach
    const granted = Math.max(0, Math.min(permits, Math.floor(room() + 0.001)))
    spentUntil.set(bucket.name, until + granted * msEach)
    return { name: bucket.name, granted, left: room() }
  }
  const hold = (needs: Partial<RateLimiterNeeds> = {}) =>
    createRateLimiter({
      now: () => new Date(clock.at),
      async lease(requests) {
        asked.push(requests)
        return requests.map(take)
      },
      ...needs,
    })
  return { clock, asked, hold }
}

type Spender = ReturnType<typeof createRateLimiter>

/** How many of so many tries pass, at each spender in turn. */
async function passing(spenders: Spender[], buckets: Bucket[], tries: number): Promise<number> {
  let passed = 0
  for (let index = 0; index < tries; index += 1) {
    const spender = spenders[index % spenders.length]
    if ((await spender?.spend(buckets)) === undefined) passed += 1
  }
  return passed
}

const thousand: Bucket = { name: 'downloads:person:thandi', perHour: 1000 }

test('who comes rarely costs no question at all, and who comes often one in a batch', async () => {
  const { hold, asked } = shareBuckets()
  const limiter = hold()

  await passing([limiter], [thousand], creditOf(thousand))
  const first = asked.length
  await passing([limiter], [thousand], batchOf(thousand) + creditOf(thousand))

  expect(first).toBe(0)
  expect(asked).toEqual([[{ bucket: thousand, permits: creditOf(thousand) + batchOf(thousand) }]])
})

test('an hour’s permits can be spent at once, then they come back one by one', async () => {
  const { hold, clock } = shareBuckets()
  const limiter = hold()

  const everyFourSeconds: Bucket = { name: 'downloads:person:sipho', perHour: 900 }
  const passed = await passing([limiter], [everyFourSeconds], 1200)
  const ahead = passed - 900
  expect(ahead).toBeGreaterThanOrEqual(0)
  expect(ahead).toBeLessThanOrEqual(creditOf(everyFourSeconds))

  // What was spent ahead is paid first.
  const refused = await limiter.spend([everyFourSeconds])
  expect(refused?.retryAfterSeconds).toBe((ahead + 1) * 4)
  clock.at += (ahead + 1) * 4000 - 1
  expect(await limiter.spend([everyFourSeconds])).toBeDefined()
  clock.at += 1
  expect(await limiter.spend([everyFourSeconds])).toBeUndefined()
})

test('the permit for which Retry-After was right is there to the second', async () => {
  const few: Bucket = { name: 'logins:person:a', perHour: 7 }
  const { hold, clock } = shareBuckets()
  const limiter = hold()

  expect(await passing([limiter], [few], 20)).toBe(7)
  expect((await limiter.spend([few]))?.retryAfterSeconds).toBe(Math.ceil(3600 / 7))
  clock.at += Math.ceil(3600 / 7) * 1000
  expect(await passing([limiter], [few], 5)).toBe(1)
})

test.each([1, 2, 10])('%i instances let pass no more than the limit and the credit of each', async (count) => {
  const { hold } = shareBuckets()
  const instances = Array.from({ length: count }, () => hold())

  const passed = await passing(instances, [thousand], 3000)

  expect(passed).toBeLessThanOrEqual(1000 + count * creditOf(thousand))
  // What others hold is theirs to spend: nobody is refused long before.
  expect(passed).toBeGreaterThanOrEqual(1000)
})

test('a denied caller is denied without a statement until the time is over', async () => {
  const { hold, asked } = shareBuckets()
  const limiter = hold()
  await passing([limiter], [thousand], 1100)
  const before = asked.length

  expect(await passing([limiter], [thousand], 500)).toBe(0)
  expect(asked.length).toBe(before)
})

test('a request needs a permit of each bucket, and who is refused by one spends none of the other', async () => {
  const { hold } = shareBuckets()
  const limiter = hold()
  const address: Bucket = { name: 'downloads:address:203.0.113.7', perHour: 10 }

  expect(await passing([limiter], [thousand, address], 50)).toBe(10)
  expect((await limiter.spend([thousand, address]))?.bucket).toEqual(address)
  expect(await passing([limiter], [thousand], 1100)).toBe(990)
})

test('a peek denies a caller that is known to have nothing left, spends nothing and runs no statement', async () => {
  const { hold, asked, clock } = shareBuckets()
  const limiter = hold()

  expect(limiter.peek([thousand])).toBeUndefined()
  expect(asked).toEqual([])
  await passing([limiter], [thousand], 1100)
  const before = asked.length
  const refused = limiter.peek([thousand])
  expect(refused?.bucket).toEqual(thousand)
  clock.at += (refused?.retryAfterSeconds ?? 0) * 1000
  for (let count = 0; count < 5; count += 1) expect(limiter.peek([thousand])).toBeUndefined()
  expect(asked.length).toBe(before)
  expect(await limiter.spend([thousand])).toBeUndefined()
})

test('many at the same moment wait for one answer', async () => {
  const { hold, asked } = shareBuckets()
  const limiter = hold()
  const one: Bucket = { name: 'uploads:person:thandi', perHour: 400 }

  const answers = await Promise.all(Array.from({ length: 40 }, () => limiter.spend([one])))

  expect(answers.filter((each) => each !== undefined)).toEqual([])
  expect(asked.length).toBe(1)
})

test('permits that lay for ten minutes are not spent on top of a fresh hour', async () => {
  const { hold, asked, clock } = shareBuckets()
  const limiter = hold()
  await passing([limiter], [thousand], creditOf(thousand) + 1)
  const before = asked.length
  clock.at += 10 * minute - 1
  await passing([limiter], [thousand], 1)
  expect(asked.length).toBe(before)

  clock.at += 1
  await passing([limiter], [thousand], creditOf(thousand) + 1)

  expect(asked.length).toBe(before + 1)
})

test('while nobody can be asked all pass, and for some seconds nobody is asked again', async () => {
  const { hold, clock } = shareBuckets()
  let asked = 0
  let failures = 0
  const limiter = hold({
    async lease() {
      asked += 1
      throw new Error('the database is out')
    },
    onFailure: () => void (failures += 1),
  })

  expect(await passing([limiter], [thousand], 3000)).toBe(3000)
  expect([asked, failures]).toEqual([1, 1])
  clock.at += 5000
  await limiter.spend([thousand])
  expect(asked).toBe(2)
})

test('a request waits for permits no longer than it should, and passes', async () => {
  const { hold } = shareBuckets()
  let failures = 0
  const limiter = hold({
    lease: () => new Promise(() => undefined),
    onFailure: () => void (failures += 1),
    patienceMs: 20,
  })

  expect(await passing([limiter], [thousand], creditOf(thousand) + 1)).toBe(creditOf(thousand) + 1)
  expect(failures).toBe(1)
})
