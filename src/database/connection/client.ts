import { createHash } from 'node:crypto'

import {
  type ControlledTransaction,
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  sql,
  type Transaction,
} from 'kysely'
import { DatabaseError, Pool, type PoolClient, type PoolConfig } from 'pg'
import type { Logger } from 'pino'

import { currentSpan, outsideOfWork, traced } from '../../logging/spans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import type { Tables } from './tables.ts'

export type Db = Kysely<Tables>
export type Tx = Transaction<Tables> | ControlledTransaction<Tables>

/** What a pool has open, and how many wait for a connection of it. */
export type PoolCounts = { inUse: number; idle: number; waiting: number; max: number }

type Opening = {
  watch?: StatementWatch | undefined
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
  const logLost = (error: Error) =>
    outsideOfWork(() => log.warn({ event: 'database_connection_lost', err: error }, 'a database connection broke'))
  pool.on('error', logLost)
  // The pool listens to idle connections alone; one that breaks at work would end the process.
  pool.on('connect', (client) => void client.on('error', logLost))

  return {
    db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool: preparePool(pool, opening) }) }),
    countConnections: () => ({
      inUse: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max: pool.options.max,
    }),
  }
}

/** More than the code has; what comes after them was made at run time and may never come again. */
const maxPreparedStatements = 300

type Preparing = { watch?: StatementWatch | undefined; prepares?: boolean }

/**
 * A pool as Kysely uses it, in which each connection prepares a statement when it first meets it: the server parses and
 * plans it once instead of at every call, which for a long one is most of the work. Names are hashes of the text, so that
 * a pooler between here and the server can tell whose is whose.
 */
function preparePool(pool: Pool, { watch = unwatched, prepares = true }: Preparing = {}): PostgresPool {
  const names = new Map<string, string>()
  const clients = new WeakMap<PoolClient, PostgresPoolClient>()

  function nameOf(text: string): string | undefined {
    const known = names.get(text)
    if (!prepares || known !== undefined || names.size >= maxPreparedStatements) return known
    const name = createHash('sha256').update(text).digest('base64url')
    names.set(text, name)
    return name
  }

  function clientOf(client: PoolClient): PostgresPoolClient {
    const query = (text: string, values: readonly unknown[]) => {
      // Without parameters it is BEGIN, COMMIT or several statements in one text, which have no plan.
      const name = values.length === 0 ? undefined : nameOf(text)
      return watch.query(text, async () => {
        try {
          return await client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) })
        } catch (error) {
          if (!(error instanceof DatabaseError)) discard(client)
          throw error
        }
      })
    }
    // The client itself in all but its way to ask.
    const preparingClient: PostgresPoolClient = Object.create(client, { query: { value: query } })
    return preparingClient
  }

  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await watch.connect(() => pool.connect())
      const known = clients.get(client) ?? clientOf(client)
      // Kysely knows a connection again by this very object.
      clients.set(client, known)
      return known
    },
  }
}

/**
 * The server gave no answer, as after `query_timeout`, and may still run the statement. The next one on this connection
 * would wait for it, so the pool must not lend the connection again: it drops a client that has ended.
 */
function discard(client: PoolClient): void {
  void client.end()
}

type Counted = Pick<Metrics, 'databaseStatements' | 'databaseWaits' | 'databaseFailures'>

/** Observes connections and statements. */
export type StatementWatch = {
  connect<Result>(connect: () => Promise<Result>): Promise<Result>
  query<Result>(text: string, query: () => Promise<Result>): Promise<Result>
}

/** Observes nothing. */
export const unwatched: StatementWatch = { connect: (connect) => connect(), query: (_text, query) => query() }

/** Counts and times what is asked of the database, by no more than how it ended: statements hold what people wrote. */
export function measureStatements(metrics: Counted): StatementWatch {
  return {
    async connect(connect) {
      const startedAt = performance.now()
      try {
        return await connect()
      } catch (error) {
        metrics.databaseFailures.inc({ kind: 'connect' })
        throw error
      } finally {
        metrics.databaseWaits.observe(secondsSince(startedAt))
      }
    },
    async query(text, query) {
      const startedAt = performance.now()
      try {
        return await traceStatement(text, query)
      } catch (error) {
        const kind = failureOf(error)
        if (kind !== undefined) metrics.databaseFailures.inc({ kind })
        throw error
      } finally {
        metrics.databaseStatements.observe(secondsSince(startedAt))
      }
    },
  }
}

/** Of the statement itself no more than its verb and its first table: others read traces than the database. */
function traceStatement<Result>(text: string, query: () => Promise<Result>): Promise<Result> {
  if (currentSpan() === undefined) return query()
  const [verb = ''] = /\w+/.exec(text) ?? []
  const [, table = ''] = /\b(?:from|into|update)\s+"?([a-z_]+)/i.exec(text) ?? []
  return traced(`sql ${`${verb.toLowerCase()} ${table}`.trim()}`, query, { 'db.system.name': 'postgresql' }, 'client')
}

/** Undefined where the database did its part and said no: to a row that is there already, or that breaks a rule. */
function failureOf(error: unknown): 'unanswered' | 'too_late' | undefined {
  if (!(error instanceof DatabaseError)) return 'unanswered'
  const state = error.code ?? ''
  if (state === '57014' || state === '55P03') return 'too_late'
  return /^(08|57P)/.test(state) ? 'unanswered' : undefined
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}

/** Resolves when the database answers. */
export async function pingDatabase(db: Db): Promise<void> {
  await sql`select 1`.execute(db)
}

/** The database's clock, by which rows have their times: a machine whose own is a day ahead must not take them for old. */
export async function readClock(db: Db): Promise<Clock> {
  const askedAt = Date.now()
  const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(db)
  const aheadMs = (rows[0]?.at.getTime() ?? askedAt) - (askedAt + Date.now()) / 2
  return () => new Date(Date.now() + aheadMs)
}
