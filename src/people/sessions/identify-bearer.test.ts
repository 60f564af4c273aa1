import { randomUUID } from 'node:crypto'

import { beforeEach, expect, test } from 'vitest'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import { accessTokenSeconds, checkAccessToken, endOfToken, signAccessToken } from './access-token.ts'
import { importAccessKey } from './token-keys.ts'
import { cacheChecks } from '../cache-token-checks.ts'

const accessKey = await importAccessKey('a secret that the platform has too, of some length')
const noon = new Date('2026-11-24T12:00:00Z')
const id = randomUUID() as UserId
const token = await signAccessToken(
  { accessKey, now: () => noon },
  { id, email: 'thandi@bluecrane.example', userType: 'registered_user' },
)

let seconds: number
let checked: string[]

const now = () => new Date(noon.getTime() + seconds * 1000)
const check = cacheChecks(
  (given) => {
    checked.push(given)
    return checkAccessToken({ accessKey, now }, given)
  },
  { now, endOf: endOfToken },
)

const withEnd = (number: number) =>
  `e30.${Buffer.from(JSON.stringify({ exp: noon.getTime() / 1000 + 900, number })).toString('base64url')}.`

beforeEach(() => {
  seconds = 0
  checked = []
})

test('a token is checked once a minute, with the same result in between', async () => {
  const first = await check(token)
  seconds = 59
  const second = await check(token)
  expect([second, checked.length]).toEqual([first, 1])

  seconds = 60
  expect(await check(token)).toEqual(first)
  expect(checked.length).toBe(2)
})

test('a token expires at its end, also within that minute', async () => {
  seconds = accessTokenSeconds - 1
  await check(token)

  seconds = accessTokenSeconds
  await expect(check(token)).rejects.toThrow(/expired/)
})

test('a rejected token is checked again each time', async () => {
  const [head, claims] = token.split('.')
  const forged = `${head}.${claims}.${'A'.repeat(43)}`
  await check(token)

  await expect(check(forged)).rejects.toThrow(/not valid/)
  await expect(check(forged)).rejects.toThrow(/not valid/)
  expect(checked.filter((each) => each === forged).length).toBe(2)
})

test('the number of cached tokens is limited: the oldest is checked again', async () => {
  const cheap = cacheChecks(
    (given) => {
      checked.push(given)
      return Promise.resolve({ userId: id, sessionId: undefined, apiKeyId: undefined })
    },
    { now, endOf: endOfToken },
  )
  for (let number = 0; number <= 5000; number += 1) await cheap(withEnd(number))
  checked = []

  await cheap(withEnd(5000))
  expect(checked.length).toBe(0)
  await cheap(withEnd(0))
  expect(checked.length).toBe(1)
})
