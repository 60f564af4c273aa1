import { type ControlledTransaction, Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Pool, type PoolConfig } from 'pg'
import type { Logger } from 'pino'

import type { Tables } from './tables.ts'

export type Db = Kysely<Tables>
export type Tx = Transaction<Tables> | ControlledTransaction<Tables>

/** Opens a pool; the caller ends it with `destroy`. A connection that breaks while idle is logged and replaced. */
export function openDatabase(connection: PoolConfig, log: Logger): Db {
  const pool = new Pool({
    application_name: 'paniq-documents',
    connectionTimeoutMillis: 10_000,
    max: 20,
    ...connection,
  })
  pool.on('error', (error) =>
    log.warn({ event: 'database_connection_lost', err: error }, 'a database connection broke'),
  )

  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
}
