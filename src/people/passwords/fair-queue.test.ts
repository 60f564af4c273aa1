import { setImmediate as nextTurn } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { isAppError } from '../../errors/app-error.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'
import { createFairQueue, type QueueLimits, type Requester } from './fair-queue.ts'

const thandi = 'thandi' as UserId
const sipho = 'sipho' as UserId

/** A queue whose work runs until the test finishes it, with the names of what began and what was denied. */
function createScene(limits: Partial<QueueLimits> = {}) {
  const began: string[] = []
  const denied: string[] = []
  const running: { name: string; finish: () => void }[] = []
  const queue = createFairQueue({
    atOnce: 1,
    waiting: 100,
    waitingOfNetwork: 20,
    waitingOfBlock: 40,
    waitingOfKnown: 2,
    onDenied: () => {},
    ...limits,
  })
  return {
    began,
    denied,
    async ask(name: string, requester: Requester) {
      void queue
        .run(requester, async () => {
          began.push(name)
          const { promise, resolve } = Promise.withResolvers<void>()
          running.push({ name, finish: resolve })
          await promise
        })
        .catch((error: unknown) => {
          denied.push(isAppError(error, 'rate_limited') && error.retryAfterSeconds === 5 ? name : String(error))
        })
      await nextTurn()
    },
    async finish() {
      running.shift()?.finish()
      await nextTurn()
    },
    async finishAll() {
      while (running.length > 0) await this.finish()
    },
  }
}

it('networks take turns, each in the order of arrival', async () => {
  const scene = createScene()
  for (const name of ['a1', 'a2', 'a3', 'a4']) await scene.ask(name, { ip: '192.0.2.1' })
  for (const name of ['b1', 'b2']) await scene.ask(name, { ip: '198.51.100.1' })
  await scene.finishAll()
  expect(scene.began).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'a4'])
})

it('one network never uses every place', async () => {
  const scene = createScene({ atOnce: 2 })
  for (const name of ['a1', 'a2', 'a3']) await scene.ask(name, { ip: '192.0.2.1' })
  expect(scene.began).toEqual(['a1'])
  await scene.ask('b1', { ip: '198.51.100.1' })
  expect(scene.began).toEqual(['a1', 'b1'])
})

it.each([
  ['an IPv4 /24', '192.0.2.1', '192.0.2.254', '192.0.3.1'],
  ['an IPv4 /24, also written as IPv6', '192.0.2.1', '::ffff:192.0.2.254', '::ffff:192.0.3.1'],
  ['an IPv6 /56', '2001:db8:1:100::1', '2001:db8:1:1ff:ffff::1', '2001:db8:2:100::1'],
])('%s is one network', async (_, first, same, other) => {
  const scene = createScene({ waitingOfNetwork: 1 })
  await scene.ask('running', { ip: first })
  await scene.ask('waiting', { ip: first })
  await scene.ask('same', { ip: same })
  await scene.ask('other', { ip: other })
  expect(scene.denied).toEqual(['same'])
})

it('the /56 networks of an IPv6 /48 share its turns and its limit', async () => {
  const scene = createScene({ waitingOfNetwork: 2, waitingOfBlock: 3 })
  await scene.ask('running', { ip: '2001:db8:1::1' })
  await scene.ask('a1', { ip: '2001:db8:1:100::1' })
  await scene.ask('a2', { ip: '2001:db8:1:100::1' })
  await scene.ask('b1', { ip: '2001:db8:1:200::1' })
  await scene.ask('c1', { ip: '2001:db8:1:300::1' })
  await scene.ask('other', { ip: '2001:db8:2::1' })
  expect(scene.denied).toEqual(['c1'])
  await scene.finishAll()
  expect(scene.began).toEqual(['running', 'other', 'a1', 'b1', 'a2'])
})

it('everything that is no address is one network', async () => {
  const scene = createScene({ waitingOfNetwork: 1 })
  for (const ip of ['gone', 'unknown', '999.1.1.1']) await scene.ask(ip, { ip })
  expect(scene.denied).toEqual(['999.1.1.1'])
})

describe('when the queue is full', () => {
  it('the newest of the network with the most is denied, and the new one waits', async () => {
    const scene = createScene({ waiting: 3 })
    for (const name of ['running', 'a1', 'a2', 'a3']) await scene.ask(name, { ip: '192.0.2.1' })
    await scene.ask('b1', { ip: '198.51.100.1' })
    expect(scene.denied).toEqual(['a3'])
    await scene.ask('a4', { ip: '192.0.2.1' })
    expect(scene.denied).toEqual(['a3', 'a4'])
  })

  it('of many networks with one each, a new one is denied, but not one where the account is known', async () => {
    const scene = createScene({ waiting: 2 })
    for (const [name, ip] of [
      ['running', '192.0.2.1'],
      ['a', '192.0.3.1'],
      ['b', '192.0.4.1'],
    ] as const)
      await scene.ask(name, { ip })
    await scene.ask('c', { ip: '192.0.5.1' })
    expect(scene.denied).toEqual(['c'])
    await scene.ask('known', { ip: '192.0.6.1', knownAs: thandi })
    expect(scene.denied).toHaveLength(2)
    await scene.finish()
    expect(scene.began).toEqual(['running', 'known'])
  })
})

describe('an account on a network where it is known', () => {
  it('comes first, also when too much of its network waits', async () => {
    const scene = createScene({ waitingOfNetwork: 2 })
    for (const name of ['running', 'a1', 'a2', 'a3']) await scene.ask(name, { ip: '192.0.2.1' })
    await scene.ask('known', { ip: '192.0.2.2', knownAs: thandi })
    expect(scene.denied).toEqual(['a3'])
    await scene.finishAll()
    expect(scene.began).toEqual(['running', 'known', 'a1', 'a2'])
  })

  it('has this advantage for two logins at once', async () => {
    const scene = createScene({ waitingOfNetwork: 2 })
    await scene.ask('running', { ip: '192.0.2.1' })
    for (const name of ['g1', 'g2', 'g3', 'g4', 'g5']) await scene.ask(name, { ip: '192.0.2.1', knownAs: thandi })
    expect(scene.denied).toEqual(['g5'])
  })

  it('leaves one turn of four to the others', async () => {
    const scene = createScene({ waitingOfKnown: 10 })
    await scene.ask('running', { ip: '203.0.113.1' })
    for (const name of ['k1', 'k2', 'k3', 'k4', 'k5']) await scene.ask(name, { ip: '192.0.2.1', knownAs: thandi })
    await scene.ask('other', { ip: '198.51.100.1' })
    await scene.finishAll()
    expect(scene.began).toEqual(['running', 'k1', 'k2', 'k3', 'other', 'k4', 'k5'])
  })

  it('cannot fill the queue with other accounts of its network', async () => {
    const scene = createScene({ waitingOfNetwork: 2 })
    await scene.ask('running', { ip: '192.0.2.1' })
    await scene.ask('k1', { ip: '192.0.2.1', knownAs: thandi })
    await scene.ask('k2', { ip: '192.0.2.1', knownAs: sipho })
    for (const name of ['k3', 'k4', 'k5']) await scene.ask(name, { ip: '192.0.2.1', knownAs: name as UserId })
    expect(scene.denied).toEqual(['k5'])
  })
})

it('work that fails gives its place to the next', async () => {
  const queue = createFairQueue({
    atOnce: 1,
    waiting: 5,
    waitingOfNetwork: 5,
    waitingOfBlock: 5,
    waitingOfKnown: 1,
    onDenied: () => {},
  })
  const failing = queue.run({ ip: '192.0.2.1' }, async () => {
    throw new Error('broken')
  })
  await expect(failing).rejects.toThrow('broken')
  await expect(queue.run({ ip: '192.0.2.1' }, async () => 'done')).resolves.toBe('done')
})
