import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import type { Requester } from '../../logging/spans.ts'
import { WaitedTooLong } from './postgres-errors.ts'
import { shareConnections } from './share-connections.ts'

const shares = { perPerson: 2, perNetwork: 3, maxWaitMs: 10_000 }
const requestOf = (person: string | undefined, network = '203.0.113.7'): Requester => ({
  network,
  connections: 0,
  ...(person === undefined ? {} : { person }),
})

/** Sends requests, and returns what the ones that got a connection do at their end, in the order in which they got it. */
async function send(enter: ReturnType<typeof shareConnections>, requests: (Requester | undefined)[]) {
  const entered: { request: number; leave: () => void }[] = []
  for (const [request, each] of requests.entries())
    void enter(each).then(
      (leave) => entered.push({ request, leave }),
      // It still waits when the test is over.
      () => undefined,
    )
  await turn()
  return entered
}

test('a person has two connections at once, and a network three', async () => {
  const people = ['thandi', 'thandi', 'thandi', 'sipho', 'sipho']
  const entered = await send(
    shareConnections(shares),
    people.map((person) => requestOf(person)),
  )

  expect(entered.map(({ request }) => people[request])).toEqual(['thandi', 'thandi', 'sipho'])
})

test('requests without a person are one person of their network', async () => {
  const requests = [requestOf(undefined), requestOf(undefined), requestOf(undefined), requestOf(undefined, '::/64')]
  const entered = await send(shareConnections(shares), requests)

  expect(entered.map(({ request }) => request)).toEqual([0, 1, 3])
})

test('the request that waits longest gets the next connection', async () => {
  const entered = await send(
    shareConnections(shares),
    Array.from({ length: 5 }, () => requestOf('thandi')),
  )
  for (let index = 0; index < 5; index += 1) {
    entered[index]?.leave()
    await turn()
  }

  expect(entered.map(({ request }) => request)).toEqual([0, 1, 2, 3, 4])
})

test('a request with a connection gets another one at once: it would wait for itself', async () => {
  const enter = shareConnections(shares)
  const mine = requestOf('thandi')
  const entered = await send(enter, [mine, requestOf('thandi')])
  const more = await send(enter, [mine, requestOf('thandi')])

  expect([entered.length, more.map(({ request }) => request)]).toEqual([2, [0]])
})

test('jobs wait for nobody', async () => {
  expect(
    await send(
      shareConnections(shares),
      Array.from({ length: 9 }, () => undefined),
    ),
  ).toHaveLength(9)
})

test('a request that waits too long fails, and takes no share', async () => {
  const enter = shareConnections({ ...shares, maxWaitMs: 5 })
  const first = await send(enter, [requestOf('thandi', 'a'), requestOf('thandi', 'b')])

  await expect(enter(requestOf('thandi', 'c'))).rejects.toThrow(WaitedTooLong)
  for (const { leave } of first) leave()
  expect(await send(enter, [requestOf('thandi', 'a'), requestOf('thandi', 'b')])).toHaveLength(2)
})
