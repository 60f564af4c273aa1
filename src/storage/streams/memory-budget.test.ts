import { expect, test } from 'vitest'

import { createByteBudget } from './memory-budget.ts'

/** Lets everything that is ready to go on do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('bytes are granted at once while they are free, and released once', async () => {
  const budget = createByteBudget(100)
  const giveBack = await budget.reserve(60)
  await budget.reserve(40)
  expect(budget.free()).toBe(0)

  giveBack()
  giveBack()

  expect(budget.free()).toBe(60)
})

test('requests are served in order, even if a later one would fit', async () => {
  const budget = createByteBudget(100)
  const giveBack = await budget.reserve(90)
  const served: string[] = []
  const large = budget.reserve(50).then(() => served.push('large'))
  const small = budget.reserve(10).then(() => served.push('small'))
  await settle()
  expect(served).toEqual([])

  giveBack()
  await Promise.all([large, small])

  expect(served).toEqual(['large', 'small'])
  expect(budget.free()).toBe(40)
})

test('a request that times out gets Retry-After, and the next one is served', async () => {
  const budget = createByteBudget(100)
  await budget.reserve(80)
  const large = budget.reserve(50, { waitSeconds: 0.01 })
  const small = budget.reserve(20, { waitSeconds: 60 })

  await expect(large).rejects.toMatchObject({ code: 'store_unavailable', retryAfterSeconds: 10 })
  await small

  expect(budget.free()).toBe(0)
})

test('a client that leaves while waiting takes nothing', async () => {
  const budget = createByteBudget(100)
  const giveBack = await budget.reserve(100)
  const leave = new AbortController()
  const waiting = budget.reserve(10, { signal: leave.signal })

  leave.abort(new Error('the client went away'))

  await expect(waiting).rejects.toThrow('the client went away')
  giveBack()
  expect(budget.free()).toBe(100)
})

test('a client that has left before its request gets nothing', async () => {
  const budget = createByteBudget(100)

  await expect(budget.reserve(10, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
  expect(budget.free()).toBe(100)
})

test('more than the total cannot be waited for', async () => {
  await expect(createByteBudget(100).reserve(101)).rejects.toThrow(RangeError)
})

test('a request without waiting gets only unreserved bytes, and never before waiting ones', async () => {
  const budget = createByteBudget(100)
  expect(budget.tryReserve(61, { leaving: 40 })).toBeUndefined()
  const giveBack = budget.tryReserve(60, { leaving: 40 })
  expect(budget.free()).toBe(40)

  const waits = budget.reserve(50)
  expect(budget.tryReserve(10, { leaving: 0 })).toBeUndefined()
  giveBack?.()
  await waits
  expect(budget.tryReserve(50, { leaving: 0 })).toBeTypeOf('function')
  expect(budget.free()).toBe(0)
})

const mebibyte = 1024 * 1024

test('a released block is reused for the same length; another length gets another block', async () => {
  const budget = createByteBudget(20 * mebibyte)
  const giveBack = await budget.reserve(5_000_000)
  const block = budget.allocateBlock(5_000_000)
  giveBack(block)

  await budget.reserve(8_000_000)
  expect(budget.allocateBlock(8_000_000)).not.toBe(block)
  await budget.reserve(4_900_000)
  expect(budget.allocateBlock(4_900_000)).toBe(block)
  expect(budget.allocateBlock(4_900_000)).not.toBe(block)
})

test('a block that is not released is not reused', async () => {
  const budget = createByteBudget(20 * mebibyte)
  const giveBack = await budget.reserve(5_000_000)
  const block = budget.allocateBlock(5_000_000)
  giveBack()

  expect(budget.allocateBlock(5_000_000)).not.toBe(block)
})

test('unused blocks make room for reservations', async () => {
  const budget = createByteBudget(10 * mebibyte)
  const giveBack = await budget.reserve(6 * mebibyte)
  const block = budget.allocateBlock(6 * mebibyte)
  giveBack(block)

  const giveBackSecond = await budget.reserve(8 * mebibyte)
  budget.allocateBlock(8 * mebibyte)
  giveBackSecond()
  await budget.reserve(6 * mebibyte)

  expect(budget.allocateBlock(6 * mebibyte)).not.toBe(block)
})
