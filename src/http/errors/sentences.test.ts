import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'

import { Pool, type PoolConfig } from 'pg'
import { expect, onTestFinished, test } from 'vitest'

import { OutcomeUnknown } from '../../database/connection/in-transaction.ts'
import { appErrorOf } from './sentences.ts'

/** Something that listens where a database should, and does this with everybody who comes. */
async function listenInstead(meet: (socket: Socket) => void): Promise<PoolConfig> {
  const server = createServer(meet).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  // A listener on TCP has this kind of address; only one on a socket file has a string.
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  return work().then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function failureToAsk(connection: PoolConfig): Promise<unknown> {
  const pool = new Pool({ user: 'app', connectionTimeoutMillis: 100, ...connection })
  onTestFinished(() => pool.end())
  return failureOf(() => pool.query('select 1'))
}

test.each<[string, () => Promise<PoolConfig>]>([
  ['refuses', async () => ({ host: '127.0.0.1', port: 1 })],
  ['hangs up', () => listenInstead((socket) => void socket.end())],
  ['resets', () => listenInstead((socket) => void socket.once('data', () => socket.resetAndDestroy()))],
  ['never answers', () => listenInstead((socket) => void socket.resume().on('error', () => undefined))],
  ['has no socket where it should be', async () => ({ host: '/nowhere/at/all' })],
])('a database that %s cannot be reached, and when to try again is said', async (_what, listen) => {
  const answer = appErrorOf(await failureToAsk(await listen()))

  expect(answer).toMatchObject({ code: 'store_unavailable', retryAfterSeconds: 5 })
})

test('a change whose outcome nobody knows is said to be so', () => {
  const answer = appErrorOf(new OutcomeUnknown('no answer'))

  expect(answer).toMatchObject({ code: 'store_unavailable' })
  expect(answer?.message).toContain('check before you try again')
})

test('a missing file, and a fault of ours, are no matter of the database', async () => {
  expect(appErrorOf(await failureOf(() => readFile('/nowhere/at/all')))).toBeUndefined()
  expect(appErrorOf(new TypeError('x is not a function'))).toBeUndefined()
})
