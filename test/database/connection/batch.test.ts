import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, test } from 'vitest'

import { alone, createBatch, inOrder } from '../../../src/database/connection/batch.ts'
import { openDatabase } from '../../../src/database/connection/client.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshDatabase()
  closing.defer(() => database.drop())
  const { db } = openDatabase({ connectionString: database.url, query_timeout: 2000 }, pino({ level: 'silent' }))
  closing.defer(() => db.destroy())
  await sql`create table divided (number int primary key)`.execute(db)
  return { db }
})

/** Divides 100 by each number and inserts the number, in one statement; 0 is a bad row. */
function divider(limits?: Parameters<typeof createBatch>[2]) {
  const calls: number[][] = []
  const divide = createBatch<number, { share: number }>(
    'divide',
    async (numbers) => {
      calls.push(numbers)
      const { rows } = await sql<{ share: number }>`
      with asked as materialized (select number, position from unnest(${numbers}::int[]) with ordinality as asked (number, position)),
      written as (insert into divided select number from asked)
      select 100 / number as share from asked, (select pg_sleep(0.05)) as slowly order by position`.execute(scene.db)
      return rows
    },
    limits,
  )
  return { divide, calls }
}

const writtenOf = async (numbers: number[]) => {
  const { rows } = await sql<{ number: number }>`
    select number from divided where number = any (${numbers}) order by number`.execute(scene.db)
  return rows.map(({ number }) => number)
}

test('requests that arrive during a call share the next one, and each gets its own answer', async () => {
  const { divide, calls } = divider({ secondAfterMs: 10_000 })
  const first = divide(1)
  await sleep(10)
  const second = divide(2)
  await sleep(10)
  const others = [4, 5, 10, 20, 25].map((number) => divide(number))

  expect(await Promise.all([first, second, ...others])).toEqual([100, 50, 25, 20, 10, 5, 4].map((share) => ({ share })))
  expect(calls).toEqual([[1], [2, 4, 5, 10, 20, 25]])
})

test('a call has at most the maximum number of requests', async () => {
  const { divide, calls } = divider({ maxSize: 3, maxUnderWay: 1 })
  await Promise.all([31, 32, 33, 34, 35, 36, 37].map((number) => divide(number)))

  expect(calls.map((numbers) => numbers.length)).toEqual([3, 3, 1])
})

test('one bad row fails only its own request: the others are answered and written once', async () => {
  const { divide, calls } = divider()
  const answers = await Promise.allSettled([41, 0, 42].map((number) => divide(number)))

  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(calls).toEqual([[41, 0, 42], [41], [0], [42]])
  expect(await writtenOf([0, 41, 42])).toEqual([41, 42])
})

test('a request that waits for a lock delays neither its batch nor later requests', async () => {
  const { divide } = divider()
  const locker = await scene.db.startTransaction().execute()
  await sql`insert into divided values (51)`.execute(locker)
  const blocked = createBatch<number, boolean>('write', async (numbers) => {
    const { rows } = await sql`
      with limited as materialized (select set_config('lock_timeout', ${numbers.length === 1 ? '0' : '100ms'}, true))
      insert into divided select number from unnest(${numbers}::int[]) as number, limited returning true`.execute(
      scene.db,
    )
    return rows.map(() => true)
  })
  let isAnswered = false
  const waiting = blocked(51).then(() => (isAnswered = true))
  waiting.catch(() => undefined)
  const neighbours = [blocked(52), blocked(53)]

  await Promise.all(neighbours)
  expect(await divide(54)).toEqual({ share: 1 })
  expect(isAnswered).toBe(false)
  await locker.rollback().execute()
  await waiting
})

test('without an answer each request of the batch gets the error, and nothing is repeated', async () => {
  const calls: number[][] = []
  const write = createBatch<number, object>('write', async (numbers) => {
    calls.push(numbers)
    const { rows } = await sql<object>`
      with written as (insert into divided select unnest(${numbers}::int[]) returning number)
      select number, pg_sleep(${2.5})::text from written`.execute(scene.db)
    return rows
  })
  const answers = await Promise.allSettled([61, 62].map((number) => write(number)))

  expect(answers.map((each) => (each.status === 'rejected' ? String(each.reason) : each.status))).toEqual([
    'Error: Query read timeout',
    'Error: Query read timeout',
  ])
  expect(calls).toEqual([[61, 62]])
})

test('an overloaded database gets no repeats', async () => {
  const calls: number[][] = []
  const ask = createBatch<number, object>('ask', async (numbers) => {
    calls.push(numbers)
    const { rows } = await sql<object>`do $$ begin raise exception 'too late' using errcode = '57014'; end $$`.execute(
      scene.db,
    )
    return rows
  })
  const answers = await Promise.allSettled([71, 72].map((number) => ask(number)))

  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(calls).toEqual([[71, 72]])
})

test('a request that waited too long or whose client disconnected is not started', async () => {
  const leaving = new AbortController()
  const asked: number[] = []
  const ask = createBatch<number, number>(
    'ask',
    async (numbers) => {
      asked.push(...numbers)
      await sleep(200)
      return numbers
    },
    {
      maxUnderWay: 1,
      maxWaitMs: 300,
      maxSize: 1,
      signalOf: (number) => (number === 2 ? leaving.signal : new AbortController().signal),
    },
  )
  const answers = [1, 2, 3, 4].map((number) => ask(number))
  leaving.abort(new Error('gone'))
  const settled = await Promise.allSettled(answers)

  expect(asked).toEqual([1, 3])
  expect(settled.map((each) => (each.status === 'rejected' ? String(each.reason) : each.value))).toEqual([
    1,
    'Error: gone',
    3,
    'WaitedTooLong: ask waited for calls before it',
  ])
})

test('a request that must be alone is repeated alone, once', async () => {
  const calls: [number[], boolean][] = []
  const ask = createBatch<number, number>('ask', async (numbers, isAlone) => {
    calls.push([numbers, isAlone])
    return numbers.map((number) => (number === 7 && !isAlone ? alone : number))
  })

  expect(await Promise.all([6, 7, 8].map((number) => ask(number)))).toEqual([6, 7, 8])
  expect(calls).toEqual([
    [[6, 7, 8], false],
    [[7], true],
  ])
})

test('a call with a missing answer answers no request, so that no answer reaches another caller', async () => {
  const ask = createBatch<number, number>('ask', async (numbers) => numbers.slice(1))

  expect((await Promise.allSettled([1, 2].map((number) => ask(number)))).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ])
})

test('missing, repeated or reordered rows are rejected', () => {
  const rows = [{ position: 0 }, { position: 1 }]
  expect(inOrder(rows, ['a', 'b'])).toEqual(rows)
  for (const wrong of [rows.toReversed(), rows.slice(1), [...rows, { position: 1 }]])
    expect(() => inOrder(wrong, ['a', 'b'])).toThrow('one row per request')
})
