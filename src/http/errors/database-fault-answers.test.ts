import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'

import { Pool, type PoolConfig } from 'pg'
import { expect, onTestFinished, test } from 'vitest'

import { OutcomeUnknown } from '../../database/connection/in-transaction.ts'
import { appErrorOf } from './database-fault-answers.ts'

/** Listens at the address of a database, and handles each connection with `handle`. */
async function listenInstead(handle: (socket: Socket) => void): Promise<PoolConfig> {
  const server = createServer(handle).listen(0, '127.0.0.1')
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
  ['has no socket at its path', async () => ({ host: '/nowhere/at/all' })],
])('a database that %s is unavailable, and the answer says when to retry', async (_what, listen) => {
  const answer = appErrorOf(await failureToAsk(await listen()))

  expect(answer).toMatchObject({ code: 'store_unavailable', retryAfterSeconds: 5 })
})

test('a change with an unknown outcome says so', () => {
  const answer = appErrorOf(new OutcomeUnknown('no answer'))

  expect(answer).toMatchObject({ code: 'store_unavailable' })
  expect(answer?.message).toContain('check before you try again')
})

test('a missing file and a fault of the code are no database errors', async () => {
  expect(appErrorOf(await failureOf(() => readFile('/nowhere/at/all')))).toBeUndefined()
  expect(appErrorOf(new TypeError('x is not a function'))).toBeUndefined()
})
