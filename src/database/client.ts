import { type ControlledTransaction, Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Pool, type PoolConfig } from 'pg'
import type { Logger } from 'pino'

import { outsideOfWork } from '../logger-context.ts'
import type { Watch } from './measure-statements.ts'
import { preparing } from './prepare-statements.ts'
import type { Tables } from './tables.ts'

export type Db = Kysely<Tables>
export type Tx = Transaction<Tables> | ControlledTransaction<Tables>

/** What a pool has open, and how many wait for a connection of it. */
export type PoolCounts = { inUse: number; idle: number; waiting: number; most: number }

type Opening = {
  watch?: Watch | undefined
  /** False where the server's sessions do not stay with a connection, and no pooler finds what it prepared. */
  prepares?: boolean
}

export type OpenedDatabase = { db: Db; countConnections(): PoolCounts }

/** Opens a pool; the caller ends it with `db.destroy`. A connection that breaks while idle is logged and replaced. */
export function openDatabase(connection: PoolConfig, log: Logger, opening: Opening = {}): OpenedDatabase {
  const pool = new Pool({
    application_name: 'paniq-documents',
    connectionTimeoutMillis: 10_000,
    // A peer that is gone without a word is noticed, if late.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    max: 20,
    ...connection,
  })
  // A connection outlives the request that it was opened for.
  const tell = (error: Error) =>
    outsideOfWork(() => log.warn({ event: 'database_connection_lost', err: error }, 'a database connection broke'))
  pool.on('error', tell)
  // The pool listens to idle connections alone; one that breaks at work would end the process.
  pool.on('connect', (client) => void client.on('error', tell))

  return {
    db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool: preparing(pool, opening) }) }),
    countConnections: () => ({
      inUse: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      most: pool.options.max,
    }),
  }
}
