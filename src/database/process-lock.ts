import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import { Client, type PoolConfig } from 'pg'
import type { Logger } from 'pino'

import type { ProcessId } from '../vocabulary.ts'

/** Shows all other processes that this one lives: an advisory lock under its id, on a connection of its own. */
export type ProcessLock = {
  processId: ProcessId
  /** From now on every claim of this process counts as dead. */
  close(): Promise<void>
}

const pauseMs = 1000

/**
 * Takes the lock. `connection` must lead to the server without a transaction pooler. A connection that breaks is replaced
 * again and again. Meanwhile others may take over what this process has claimed; it finds that out when it commits.
 */
export async function openProcessLock(connection: PoolConfig, log: Logger): Promise<ProcessLock> {
  const processId = randomUUID() as ProcessId // just made, so it names nothing else
  const closing = new AbortController()

  async function hold(): Promise<Client> {
    const client = await lock(connection, processId)
    client.once('end', () => void replace())
    return client
  }

  async function replace(): Promise<void> {
    if (closing.signal.aborted) return
    log.warn({ event: 'process_lock_lost' }, 'process lock lost, taking it again')
    for (;;) {
      await wait(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (closing.signal.aborted) return
      const next = await hold().catch(() => undefined)
      if (next === undefined) continue
      client = next
      if (closing.signal.aborted) await client.end()
      return
    }
  }

  let client = await hold()
  return {
    processId,
    async close() {
      closing.abort()
      await client.end()
    },
  }
}

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
    await client.query(`select pg_advisory_lock(hashtextextended('process:' || $1::text, 0))`, [processId])
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}
