import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import { Client, type PoolConfig } from 'pg'
import type { Logger } from 'pino'

import type { ProcessId } from '../../vocabulary/vocabulary.ts'

/** Shows other processes that this one is alive: an advisory lock under its id, on a dedicated connection. */
export type ProcessLock = {
  processId: ProcessId
  /**
   * Returns when the server has released the lock. From then on, every claim of this process counts as dead. If the server
   * does not answer, it returns after a few seconds and the lock ends with the connection.
   */
  close(): Promise<void>
}

const pauseMs = 1000
/** For each of the two steps of closing. */
const maxCloseMs = 2000

/**
 * Takes the lock. `connection` must not use a transaction pooler. A broken connection is replaced, with retries. Meanwhile
 * other processes may take over the claims of this one, which notices it at its commit.
 */
export async function openProcessLock(connection: PoolConfig, log: Logger): Promise<ProcessLock> {
  const processId = randomUUID() as ProcessId // a new id, used for nothing else
  const closing = new AbortController()

  async function acquire(): Promise<Client> {
    const client = await lock(connection, processId)
    client.once('end', () => {
      replacing = replace()
    })
    return client
  }

  async function replace(): Promise<void> {
    if (closing.signal.aborted) return
    log.warn({ event: 'process_lock_lost' }, 'process lock lost, taking it again')
    for (;;) {
      await wait(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (closing.signal.aborted) return
      const next = await acquire().catch(() => undefined)
      if (next === undefined) continue
      client = next
      if (closing.signal.aborted) await release(client, processId)
      return
    }
  }

  let replacing = Promise.resolve()
  let client = await acquire()
  return {
    processId,
    async close() {
      closing.abort()
      await upTo(
        maxCloseMs,
        replacing.then(async () => release(client, processId)),
      )
      await upTo(maxCloseMs, client.end())
    },
  }
}

/** Only the answer proves that the lock is free. Closing the connection does not, because there may be a proxy. */
async function release(client: Client, processId: ProcessId): Promise<void> {
  // A broken connection has no lock.
  await client.query(`select pg_advisory_unlock(${lockKey})`, [processId]).catch(() => undefined)
  await client.end()
}

async function upTo(maxMs: number, work: Promise<void>): Promise<void> {
  const done = new AbortController()
  await Promise.race([work, wait(maxMs, undefined, { signal: done.signal }).catch(() => undefined)])
  done.abort()
}

const lockKey = `hashtextextended('process:' || $1::text, 0)`

async function lock(connection: PoolConfig, processId: ProcessId): Promise<Client> {
  const client = new Client({
    application_name: 'paniq-documents-process',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...connection,
  })
  client.on('error', () => undefined) // `end` follows
  try {
    await client.connect()
    await client.query('set idle_session_timeout = 0')
    await client.query(`select pg_advisory_lock(${lockKey})`, [processId])
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}
