import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { sql } from 'kysely'
import { Client, type ClientConfig, type PoolConfig } from 'pg'
import { warnOfOwner, warnOfPersonnel } from './warn-of-database-rights.ts'
import type { Logger } from 'pino'

import { ConfigError } from '../errors/app-error.ts'
import type { DatabaseConfig } from '../config/load-config.ts'
import { requireNoUnfinishedRestore } from './backup/restores.ts'
import {
  type Db,
  openDatabase,
  type OpenedDatabase,
  type PoolCounts,
  type StatementWatch,
} from './connection/client.ts'
import {
  type ClientLimits,
  defaultClientLimits,
  ownerLimits,
  serverLimits,
  unlimited,
} from './connection/time-limits.ts'
import { openEmbeddedPostgres } from './embedded/open-embedded.ts'
import { comparePlatform, followNoted } from './schema/compare-platform.ts'
import { grantToService } from './schema/grant-to-service.ts'
import { migrateJobs } from './work/job-queue.ts'
import { migrate } from './schema/migrate-schema.ts'

export type ConnectedDatabase = {
  /** As the service's own role. */
  db: Db
  countConnections(): PoolCounts
  /** For the job queue, which opens its own pool to the same database as the same role. */
  connection: PoolConfig
  /** The service's role without a transaction pooler, for everything that needs one session. */
  direct: PoolConfig
  /** As the tables' owner. The same as `direct` if there is only one role. */
  owner: PoolConfig
  /** Names of the migrations that this start ran. */
  migrated: string[]
  /** The service's role, if it got its rights because another role owns the tables. */
  granted: string | undefined
  close(): Promise<void>
}

/** How long a start compares rows that the platform wrote before. The jobs compare the rest. */
const maxStartComparisonMs = 3_000

type Options = {
  config: DatabaseConfig
  dataDir: string
  log: Logger
  /** Waits until all earlier changes of the platform are followed. */
  comparesAll?: boolean
  /** Ends such a comparison on a shutdown signal. */
  signal?: AbortSignal
  /** Only the restore sets this. Other processes cannot connect until the restore is finished. */
  isRestoring?: boolean
  watch?: StatementWatch
  clientLimits?: ClientLimits | undefined
}

/** Opens the embedded or the configured database and runs the missing migrations as the tables' owner. */
export async function connectDatabase(options: Options): Promise<ConnectedDatabase> {
  const { log } = options
  const { owner, direct, service, stop } = await openConnections(options)
  const opened = direct === service ? openDirect(service, options) : await openPooled(service, options)
  const { db } = opened
  const close = async () => {
    try {
      await db.destroy()
    } finally {
      await stop()
    }
  }
  try {
    const done = await migrateAsOwner(owner, db, options)
    await compare(db, options)
    await warnOfOwner(db, log)
    await warnOfPersonnel(db, log)
    return { ...opened, connection: service, direct, owner, ...done, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Each session belongs to one connection, so it accepts our limits and keeps our prepared statements. */
function openDirect(service: PoolConfig, { log, watch, clientLimits = defaultClientLimits }: Options): OpenedDatabase {
  return openDatabase({ ...service, ...serverLimits, ...clientLimits }, log, { watch })
}

/** The pooler assigns a session for one transaction and rejects limits from its clients, so the role must set them. */
async function openPooled(
  service: PoolConfig,
  { log, watch, clientLimits = defaultClientLimits }: Options,
): Promise<OpenedDatabase> {
  const { tracksPrepared, missingLimits } = await inspectPooler({ ...service, ...clientLimits })
  if (missingLimits.length > 0)
    log.warn(
      { event: 'database_limits_missing', missing: missingLimits },
      'no time limits apply behind the transaction pooler; set them for the role as docs/configuration.md shows',
    )
  log.debug({ event: 'transaction_pooler', tracks_prepared: tracksPrepared }, 'transaction pooler found')
  return openDatabase({ ...service, ...clientLimits }, log, { watch, prepares: tracksPrepared })
}

export type Connections = { owner: PoolConfig; service: PoolConfig; direct: PoolConfig; stop: () => Promise<void> }

/**
 * The connections of both roles. Changes nothing in the database. `stop` stops an embedded server that no other
 * process uses.
 */
export async function openConnections({
  config,
  dataDir,
  log,
}: Pick<Options, 'config' | 'dataDir' | 'log'>): Promise<Connections> {
  switch (config.kind) {
    case 'embedded': {
      const embedded = await openEmbeddedPostgres({ dataDir, log })
      const { owner, service } = embedded
      return { owner, service, direct: service, stop: () => embedded.close() }
    }
    case 'external': {
      const { url, ownerUrl, directUrl } = config
      const service = { connectionString: await driverAddress('DATABASE_URL', url) }
      const direct =
        directUrl === url ? service : { connectionString: await driverAddress('DATABASE_DIRECT_URL', directUrl) }
      // Migrations use locks and settings of their session, and a transaction pooler would give that session to others.
      const owner =
        ownerUrl === undefined ? direct : { connectionString: await driverAddress('DATABASE_OWNER_URL', ownerUrl) }
      return { owner: { ...owner, options: unlimited }, service, direct, stop: () => Promise.resolve() }
    }
  }
}

async function migrateAsOwner(
  owner: PoolConfig,
  serviceDb: Db,
  { log, isRestoring = false }: Options,
): Promise<Pick<ConnectedDatabase, 'migrated' | 'granted'>> {
  const { db: ownerDb } = openDatabase({ ...owner, ...ownerLimits, max: 2 }, log)
  try {
    // Before any change: a restore loads rows into tables of the version that wrote them.
    if (!isRestoring) await requireNoUnfinishedRestore(ownerDb)
    const migrated = await migrate(ownerDb)
    await migrateJobs(owner)
    const [ownerRole, serviceRole] = await Promise.all([roleOf(ownerDb), roleOf(serviceDb)])
    if (ownerRole === serviceRole) return { migrated, granted: undefined }
    await grantToService(ownerDb, serviceRole)
    return { migrated, granted: serviceRole }
  } finally {
    await ownerDb.destroy()
  }
}

async function compare(db: Db, { comparesAll = false, signal, log }: Options): Promise<void> {
  const until = comparesAll ? Infinity : performance.now() + maxStartComparisonMs
  const isEnough = () => signal?.aborted === true || performance.now() > until
  const compared = await comparePlatform(db, isEnough)
  // Locked rows were skipped and noted.
  if (comparesAll) await followNoted(db, isEnough)
  if (compared > 0) log.info({ event: 'compared_with_platform', compared }, 'compared with the platform’s rows')
}

async function roleOf(db: Db): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_user::text as role`.execute(db)
  return rows[0]?.role ?? ''
}

const fileParameters = ['sslrootcert', 'sslcert', 'sslkey']

/**
 * Returns a database URL for the driver. Throws a `ConfigError` with the setting and the path if a certificate file in the
 * URL cannot be read, because the driver's own error has neither.
 */
async function driverAddress(setting: string, url: string): Promise<string> {
  const given = new URL(url).searchParams
  for (const name of fileParameters) {
    const path = given.get(name)
    if (path !== null && path !== '') await assertReadable(path, `${setting}: the ${name} in it`)
  }
  // The driver treats these modes as verify-full, but prints eight lines of warning that a later version will not.
  return given.has('uselibpqcompat')
    ? url
    : url.replace(/(?<=[?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, 'verify-full')
}

async function assertReadable(path: string, parameter: string): Promise<void> {
  await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `${parameter}, ${JSON.stringify(path)}, cannot be read (${error.code}); correct the path, or let this user read it.`,
      { cause: error },
    )
  })
}

type PoolerFacts = {
  /** Whether a named prepared statement also works later, when the pooler assigns another session. */
  tracksPrepared: boolean
  /** Time limits that neither the role, the database nor the pooler sets for its sessions. */
  missingLimits: string[]
}

/** Checks over one connection what a transaction pooler supports. */
async function inspectPooler(connection: ClientConfig): Promise<PoolerFacts> {
  const client = new Client(connection)
  client.on('error', () => undefined) // the pending query fails too
  await client.connect()
  try {
    // A transaction stays in one session.
    await client.query('begin')
    const tracksPrepared = await tracksPreparedStatements(client)
    const { rows } = await client.query<{ name: string }>(
      `select name from pg_settings where setting = '0'
         and name in ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') order by name`,
    )
    await client.query('commit')
    return { tracksPrepared, missingLimits: rows.map(({ name }) => name) }
  } finally {
    await client.end()
  }
}

/**
 * A pooler that supports prepared statements renames them. If the server knows the client's name, the pooler does not
 * support them.
 */
async function tracksPreparedStatements(client: Client): Promise<boolean> {
  const name = `paniq_documents_probe_${randomBytes(8).toString('hex')}`
  await client.query({ name, text: 'select $1::int', values: [1] })
  const { rows } = await client.query('select from pg_prepared_statements where name = $1', [name])
  if (rows.length === 0) return true
  // Other clients get this session next.
  await client.query(`deallocate ${name}`)
  return false
}
