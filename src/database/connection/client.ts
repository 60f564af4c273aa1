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

import { currentRequester, currentSpan, outsideOfWork, traced } from '../../logging/spans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { shareConnections } from './share-connections.ts'
import type { Tables } from './tables.ts'
import { maxConnectionWaitMs } from './time-limits.ts'

export type Db = Kysely<Tables>
export type Tx = Transaction<Tables> | ControlledTransaction<Tables>

/** The connections of a pool, and the number of callers that wait for one. */
export type PoolCounts = { inUse: number; idle: number; waiting: number; max: number }

type Opening = {
  watch?: StatementWatch | undefined
  /** False behind a transaction pooler that does not track prepared statements. */
  prepares?: boolean
}

export type OpenedDatabase = { db: Db; countConnections(): PoolCounts }

/** Opens a pool; the caller ends it with `db.destroy`. A connection that breaks while idle is logged and replaced. */
export function openDatabase(connection: PoolConfig, log: Logger, opening: Opening = {}): OpenedDatabase {
  const pool = new Pool({
    application_name: 'paniq-documents',
    connectionTimeoutMillis: maxConnectionWaitMs,
    // Detects a peer that is gone without closing the connection, after some time.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    max: 20,
    ...connection,
  })
  // A connection outlives the request that opened it, so its log lines carry no request id.
  const logLost = (error: Error) =>
    outsideOfWork(() => log.warn({ event: 'database_connection_lost', err: error }, 'a database connection broke'))
  pool.on('error', logLost)
  // The pool handles only errors of idle connections. An unhandled error of a busy one would end the process.
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

/** More than the code has. Further texts were built at run time and may never be repeated. */
const maxPreparedStatements = 300

type Preparing = { watch?: StatementWatch | undefined; prepares?: boolean }

/**
 * A pool for Kysely in which each connection prepares each statement at its first use: the server parses and plans it once
 * instead of at every call, which is most of the work of a long statement. Names are hashes of the text, so that a pooler
 * sees the same name for the same text from every process. A request gets its connections by `shareConnections`.
 */
function preparePool(pool: Pool, { watch = unwatched, prepares = true }: Preparing = {}): PostgresPool {
  const names = new Map<string, string>()
  const clients = new WeakMap<PoolClient, PostgresPoolClient>()
  const shared = shareClients(pool, watch)

  function nameOf(text: string): string | undefined {
    const known = names.get(text)
    if (!prepares || known !== undefined || names.size >= maxPreparedStatements) return known
    const name = createHash('sha256').update(text).digest('base64url')
    names.set(text, name)
    return name
  }

  function clientOf(client: PoolClient): PostgresPoolClient {
    const query = (text: string, values: readonly unknown[]) => {
      // Without parameters: BEGIN, COMMIT or several statements in one text, which have no plan.
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
    // The same client with another `query` and `release`.
    const preparingClient: PostgresPoolClient = Object.create(client, {
      query: { value: query },
      release: { value: () => shared.release(client) },
    })
    return preparingClient
  }

  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await shared.connect()
      const known = clients.get(client) ?? clientOf(client)
      // Kysely recognises a connection by object identity.
      clients.set(client, known)
      return known
    },
  }
}

/** Connects within the share of the current requester. */
function shareClients(pool: Pool, watch: StatementWatch) {
  const leaves = new WeakMap<PoolClient, () => void>()
  const enter = shareConnections({
    perPerson: Math.ceil(pool.options.max / 4),
    perNetwork: Math.ceil(pool.options.max / 2),
    maxWaitMs: pool.options.connectionTimeoutMillis ?? maxConnectionWaitMs,
  })
  return {
    async connect(): Promise<PoolClient> {
      const leave = await enter(currentRequester())
      try {
        const client = await watch.connect(() => pool.connect())
        leaves.set(client, leave)
        return client
      } catch (error) {
        leave()
        throw error
      }
    },
    release(client: PoolClient): void {
      leaves.get(client)?.()
      client.release()
    },
  }
}

/**
 * Closes a connection after a statement without an answer, as after `query_timeout`. The server may still run the statement,
 * and the next one on this connection would wait for it. The pool drops a closed client.
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

/** Counts and times statements by their outcome only, because their text and values may contain personal data. */
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

/** Traces only the verb and the first table of a statement, because more people can read traces than the database. */
function traceStatement<Result>(text: string, query: () => Promise<Result>): Promise<Result> {
  if (currentSpan() === undefined) return query()
  const [verb = ''] = /\w+/.exec(text) ?? []
  const [, table = ''] = /\b(?:from|into|update)\s+"?([a-z_]+)/i.exec(text) ?? []
  return traced(`sql ${`${verb.toLowerCase()} ${table}`.trim()}`, query, { 'db.system.name': 'postgresql' }, 'client')
}

/** Undefined if the database works and rejected the statement, as for a duplicate row or a violated constraint. */
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

/** Returns the database's clock, which sets the times of rows. The clock of this machine may be wrong. */
export async function readClock(db: Db): Promise<Clock> {
  const sentAt = Date.now()
  const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(db)
  const offsetMs = (rows[0]?.at.getTime() ?? sentAt) - (sentAt + Date.now()) / 2
  return () => new Date(Date.now() + offsetMs)
}
