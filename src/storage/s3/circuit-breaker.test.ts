import { setTimeout as sleep } from 'node:timers/promises'

import { expect, onTestFinished, test } from 'vitest'

import { type BreakerTimes, type CallKind, CircuitBreaker, type Outage } from './circuit-breaker.ts'
import type { StoreErrorCode } from '../file-store.ts'
import { S3Error } from './requests/s3-operation.ts'

const quick: BreakerTimes = { minPauseMs: 20, maxPauseMs: 100, stableMs: 10_000, stalledMs: 10_000 }

function openBreaker(times: Partial<BreakerTimes> = {}, isUp = () => true) {
  const probes: number[] = []
  const outages: Outage[] = []
  const breaker = new CircuitBreaker({
    async probe() {
      probes.push(performance.now())
      if (!isUp()) throw failure('unavailable', 1)
    },
    now: () => new Date(),
    times: { ...quick, ...times },
    onOpen: (outage) => outages.push(outage),
  })
  onTestFinished(() => breaker.shutDown())
  return { breaker, probes, outages }
}

function failure(code: StoreErrorCode, attempts: number): S3Error {
  const trouble = code === 'unavailable' ? ('too_busy' as const) : undefined
  const said = { s3Code: 'SlowDown', status: 503, requestId: undefined }
  return new S3Error('put_object', { code, trouble, attempts, ...said })
}

/** A call that ends as asked; returns its error. */
async function callAndFail(breaker: CircuitBreaker, error: unknown, kind: CallKind = 'write'): Promise<unknown> {
  return breaker.call(kind, () => Promise.reject(error)).catch((thrown: unknown) => thrown)
}

test('one call that failed with all its attempts opens it: the next call is not made', async () => {
  const { breaker, outages } = openBreaker({}, () => false)
  await callAndFail(breaker, failure('unavailable', 3))
  let isMade = false

  const called = breaker.call('write', async () => {
    isMade = true
  })

  await expect(called).rejects.toMatchObject({ code: 'unavailable', failure: { trouble: 'too_busy' } })
  expect(isMade).toBe(false)
  expect(breaker.outage()).toMatchObject({ trouble: 'too_busy', s3Code: 'SlowDown', since: expect.any(Date) })
  expect(outages).toHaveLength(1)
})

test('calls that are rejected at their first attempt are counted together', async () => {
  const { breaker } = openBreaker()
  await callAndFail(breaker, failure('unavailable', 1))
  await callAndFail(breaker, failure('unavailable', 1))
  expect(breaker.outage()).toBeUndefined()

  await callAndFail(breaker, failure('unavailable', 1))
  expect(breaker.outage()).toBeDefined()
})

test('a success in between resets the count', async () => {
  const { breaker } = openBreaker()
  for (let round = 0; round < 5; round += 1) {
    await callAndFail(breaker, failure('unavailable', 2))
    await breaker.call('write', async () => 'ok')
  }
  expect(breaker.outage()).toBeUndefined()
})

test('a call that failed while others succeeded counts once, whatever the number of attempts', async () => {
  const { breaker } = openBreaker()
  const { promise, reject } = Promise.withResolvers<never>()
  const slow = breaker.call('write', () => promise).catch(() => undefined)
  await breaker.call('write', async () => 'ok')
  reject(failure('unavailable', 3))
  await slow
  expect(breaker.outage()).toBeUndefined()
})

const sayings = [
  ['what S3 says of a file', failure('bytes_missing', 1)],
  ['our own mistake', failure('misused', 1)],
  ['a client that went away', new Error('gone')],
] as const
const kinds: CallKind[] = ['write', 'read', 'list']

test.each(sayings.flatMap(([what, error]) => kinds.map((kind) => [what, kind, error] as const)))(
  '%s (%s) never opens it',
  async (_what, kind, error) => {
    const { breaker } = openBreaker()
    for (let round = 0; round < 10; round += 1) await callAndFail(breaker, error, kind)
    expect(breaker.outage()).toBeUndefined()
  },
)

test.each([
  ['a write of a key that is taken', 'write', 'key_taken', 'write'],
  ['a write of a key that is taken', 'write', 'key_taken', 'read'],
  ['a reading of what is not there', 'read', 'bytes_missing', 'read'],
] as const)('%s proves that S3 is there (%s, %s), after a %s that failed', async (_what, kind, code, failing) => {
  const { breaker } = openBreaker()
  for (let round = 0; round < 5; round += 1) {
    await callAndFail(breaker, failure('unavailable', 2), failing)
    await callAndFail(breaker, failure(code, 1), kind)
  }
  expect(breaker.outage()).toBeUndefined()
})

/** Two calls that fail two attempts each, with something in between. Four failures open the breaker if nothing resets the count. */
async function failAround(kind: CallKind, between: (breaker: CircuitBreaker) => Promise<unknown>) {
  const { breaker } = openBreaker({}, () => false)
  await callAndFail(breaker, failure('unavailable', 2), kind)
  await between(breaker)
  expect(breaker.outage()).toBeUndefined()
  await callAndFail(breaker, failure('unavailable', 2), kind)
  return breaker.outage()
}

test.each<[string, (breaker: CircuitBreaker) => Promise<unknown>]>([
  ['a reading that S3 answers', async (breaker) => breaker.call('read', async () => 'ok')],
  ['a reading of what is not there', async (breaker) => callAndFail(breaker, failure('bytes_missing', 1), 'read')],
  ['a write that S3 refuses for what it is', async (breaker) => callAndFail(breaker, failure('misused', 1))],
])('%s proves nothing about writes: their failures stay counted', async (_what, between) => {
  expect(await failAround('write', between)).toMatchObject({ trouble: 'too_busy' })
})

test('an item of a listing proves nothing: it may be from the previous page', async () => {
  expect(await failAround('read', async (breaker) => breaker.call('list', async () => 'ok'))).toBeDefined()
})

test('a successful write clears the failures of reads too', async () => {
  expect(await failAround('read', async (breaker) => breaker.call('write', async () => 'ok'))).toBeUndefined()
})

test('failures of reads are not added to those of writes', async () => {
  expect(
    await failAround('write', async (breaker) => callAndFail(breaker, failure('unavailable', 2), 'read')),
  ).toBeDefined()
  const { breaker } = openBreaker()
  await callAndFail(breaker, failure('unavailable', 2), 'write')
  await callAndFail(breaker, failure('unavailable', 2), 'read')
  expect(breaker.outage()).toBeUndefined()
})

test('a write that failed with all its attempts opens it despite successful reads', async () => {
  const { breaker } = openBreaker({}, () => false)
  const { promise, reject } = Promise.withResolvers<never>()
  const slow = breaker.call('write', () => promise).catch(() => undefined)
  await breaker.call('read', async () => 'ok')
  reject(failure('unavailable', 3))
  await slow
  expect(breaker.outage()).toBeDefined()
})

test('a read that fails after its first answer is a failure of reads', async () => {
  const { breaker } = openBreaker({}, () => false)
  for (let round = 0; round < 2; round += 1) breaker.recordReadFailure(failure('unavailable', 1))
  await breaker.call('read', async () => 'ok')
  for (let round = 0; round < 2; round += 1) breaker.recordReadFailure(failure('unavailable', 1))
  expect(breaker.outage()).toBeUndefined()
  breaker.recordReadFailure(failure('unavailable', 1))
  expect(breaker.outage()).toBeDefined()
})

test('a waiting call fails at once when it opens', async () => {
  const { breaker } = openBreaker({}, () => false)
  let seen: AbortSignal | undefined
  const hanging = breaker.call('write', (opened) => {
    seen = opened
    return new Promise(() => undefined)
  })
  await callAndFail(breaker, failure('unavailable', 3))

  await expect(hanging).rejects.toMatchObject({ code: 'unavailable' })
  expect(seen?.aborted).toBe(true)
})

test('a probe closes it and notifies listeners; no call of a client is the probe', async () => {
  let isUp = false
  const { breaker, probes } = openBreaker({}, () => isUp)
  let heard = 0
  const unhear = breaker.onRecovery(() => (heard += 1))
  await callAndFail(breaker, failure('unavailable', 3))
  await expect.poll(() => probes.length).toBeGreaterThan(1)
  await expect(breaker.call('write', async () => 'ok')).rejects.toThrow('S3')
  isUp = true

  await expect.poll(() => breaker.outage()).toBeUndefined()
  await expect(breaker.call('write', async () => 'ok')).resolves.toBe('ok')
  expect(heard).toBe(1)

  unhear()
  breaker.open('broken', 'InternalError')
  await expect.poll(() => breaker.outage()).toBeUndefined()
  expect(heard).toBe(1)
})

test('the pauses between probes grow', async () => {
  const { breaker, probes } = openBreaker({ minPauseMs: 20, maxPauseMs: 320 }, () => false)
  breaker.open('no_answer', 'ETIMEDOUT')
  await expect.poll(() => probes.length).toBe(6)
  const pauses = probes.slice(1).map((at, i) => at - (probes[i] ?? 0))
  // Each is at least half of 40, 80, 160, 320 and 320 ms, since the half varies.
  for (const [i, least] of [20, 40, 80, 160, 160].entries()) expect(pauses[i]).toBeGreaterThan(least - 2)
})

test('one that opens soon after a successful probe continues with the longer pause', async () => {
  let isUp = false
  const { breaker, probes } = openBreaker({ minPauseMs: 20, maxPauseMs: 10_000 }, () => isUp)
  breaker.open('no_answer', 'ETIMEDOUT')
  await expect.poll(() => probes.length).toBe(4)
  isUp = true
  await expect.poll(() => breaker.outage()).toBeUndefined()
  const before = probes.length
  const openedAt = performance.now()
  breaker.open('no_answer', 'ETIMEDOUT')
  await expect.poll(() => probes.length).toBe(before + 1)
  // Five pauses were taken: 20, 40, 80, 160, 320. The sixth is 640, or half of it at least.
  expect((probes[before] ?? 0) - openedAt).toBeGreaterThan(318)
})

test('calls that wait for long cause a probe, which opens it', async () => {
  const { breaker, probes } = openBreaker({ stalledMs: 20, minPauseMs: 10_000, maxPauseMs: 10_000 }, () => false)
  await expect(breaker.call('write', () => new Promise(() => undefined))).rejects.toMatchObject({ code: 'unavailable' })
  expect(probes).toHaveLength(3)
})

test('a write that waits causes a probe, despite successful reads', async () => {
  const { breaker, probes } = openBreaker({ stalledMs: 20, minPauseMs: 10_000, maxPauseMs: 10_000 }, () => false)
  const reading = setInterval(() => void breaker.call('read', async () => 'ok').catch(() => undefined), 2)
  onTestFinished(() => clearInterval(reading))
  await expect(breaker.call('write', () => new Promise(() => undefined))).rejects.toMatchObject({ code: 'unavailable' })
  expect(probes).toHaveLength(3)
})

test('a call continues to wait if a probe succeeds', async () => {
  const { breaker, probes } = openBreaker({ stalledMs: 20 })
  const { promise, resolve } = Promise.withResolvers<string>()
  const slow = breaker.call('write', () => promise)
  await expect.poll(() => probes.length).toBeGreaterThan(2)
  resolve('ok')

  await expect(slow).resolves.toBe('ok')
  const { length } = probes
  await sleep(100)
  expect(probes).toHaveLength(length)
})

test('after its end no call waits, and none is made', async () => {
  const { breaker, probes } = openBreaker({}, () => false)
  const hanging = breaker.call('write', () => new Promise(() => undefined))
  breaker.shutDown()
  await expect(hanging).rejects.toMatchObject({ code: 'unavailable', failure: { trouble: 'ending' } })
  await expect(breaker.call('write', async () => 'ok')).rejects.toMatchObject({ code: 'unavailable' })
  await sleep(100)
  expect(probes).toHaveLength(0)
})
