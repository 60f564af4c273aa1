import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { sql } from 'kysely'
import { Client, type ClientConfig, type PoolConfig } from 'pg'
import type { Logger } from 'pino'

import { ConfigError } from '../errors/app-error.ts'
import type { DatabaseConfig } from '../config/config.ts'
import { requireNoUnfinishedRestore } from './backup/prepare-restore.ts'
import {
  type Db,
  openDatabase,
  type OpenedDatabase,
  type PoolCounts,
  type StatementWatch,
} from './connection/client.ts'
import { openEmbeddedPostgres } from './embedded/open-embedded.ts'
import { comparePlatform, followNoted } from './schema/follow-platform.ts'
import { grantToService } from './schema/grant-to-service.ts'
import { migrateJobs } from './work/job-queue.ts'
import { migrate } from './schema/migrate.ts'

export type ConnectedDatabase = {
  /** As the service's own role. */
  db: Db
  countConnections(): PoolCounts
  /** How the queue of jobs reaches the same database, as the same role, with a pool of its own. */
  connection: PoolConfig
  /** How the service's own role reaches it without a transaction pooler, for everything that lives as long as its session. */
  direct: PoolConfig
  /** The connection of the tables' owner; the same where there is one role. */
  owner: PoolConfig
  /** Names of the migrations that this start ran. */
  migrated: string[]
  /** The role that was given its rights, where another one owns the tables. */
  granted: string | undefined
  close(): Promise<void>
}

/** No request may wait longer than this for the database: behind a lock, or in a transaction that nobody ends. */
const serverLimits = { lock_timeout: 10_000, statement_timeout: 30_000, idle_in_transaction_session_timeout: 60_000 }

/** For a server that gives no answer. The client alone counts these times. */
export type ClientLimits = { connectionTimeoutMillis: number; query_timeout: number }

const defaultClientLimits: ClientLimits = { connectionTimeoutMillis: 10_000, query_timeout: 35_000 }

/** The role may have limits for requests, but migrations and backups take longer. */
const unlimited = '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0'

/** A waiting table lock blocks all later statements, including the platform's, so migrations wait briefly and retry. */
const ownerLimits = { lock_timeout: 3_000 }

/** What was there before us is compared within a start for so long; the rest is the jobs'. */
const maxStartComparisonMs = 3_000

type Options = {
  config: DatabaseConfig
  dataDir: string
  log: Logger
  /** Waits until every earlier change of the platform is followed. */
  comparesAll?: boolean
  /** Ends such a comparison on a shutdown signal. */
  signal?: AbortSignal
  /** Only for the restore itself: other processes cannot connect until it is finished. */
  isRestoring?: boolean
  watch?: StatementWatch
  clientLimits?: ClientLimits | undefined
}

/** Opens the embedded database or the given one and brings its tables up to date, as their owner. */
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

/** The sessions belong to this process: they take its limits and keep its prepared statements. */
function openDirect(service: PoolConfig, { log, watch, clientLimits = defaultClientLimits }: Options): OpenedDatabase {
  return openDatabase({ ...service, ...serverLimits, ...clientLimits }, log, { watch })
}

/** The pooler lends a session for one transaction and rejects limits from its clients, so the role must have them. */
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

/** Ways to the database as both roles; nothing is made in it. `stop` ends an embedded one that nobody else uses. */
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
      // Migrations lock and set things for their session, which a transaction pooler hands to others.
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
    // Before anything is changed: a restore loads its rows into the tables of their own version.
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

/** By what is so, whatever the settings say: both addresses may name one role, or one that is a member of the other. */
async function warnOfOwner(db: Db, log: Logger): Promise<void> {
  if (!(await mayActAsOwner(db))) return
  log.warn(
    { event: 'service_may_own_trail' },
    'the service’s role may act as the owner of its tables, and so could alter the audit trail; give it a role of its own, and let DATABASE_OWNER_URL name the owner',
  )
}

async function warnOfPersonnel(db: Db, log: Logger): Promise<void> {
  if (await mayReadPersonnel(db)) return
  log.warn(
    { event: 'personnel_not_readable' },
    'the owner of the service’s tables may not read firm_personnel, so its administrators cannot act here; grant it select on that table',
  )
}

async function roleOf(db: Db): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_user::text as role`.execute(db)
  return rows[0]?.role ?? ''
}

const files = ['sslrootcert', 'sslcert', 'sslkey']

/**
 * A database's address as the driver is to have it. Throws a `ConfigError` that names the setting where a file that
 * the address names cannot be read: the driver's own complaint tells neither.
 */
async function driverAddress(setting: string, url: string): Promise<string> {
  const given = new URL(url).searchParams
  for (const name of files) {
    const path = given.get(name)
    if (path !== null && path !== '') await assertReadable(path, `${setting}: the ${name} in it`)
  }
  // The driver takes the others for this one, but warns in eight lines that a later version of it will ask for less.
  return given.has('uselibpqcompat')
    ? url
    : url.replace(/(?<=[?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, 'verify-full')
}

async function assertReadable(path: string, what: string): Promise<void> {
  await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `${what}, ${JSON.stringify(path)}, cannot be read (${error.code}); correct the path, or let this user read it.`,
      { cause: error },
    )
  })
}

type PoolerFacts = {
  /** Whether a statement may be prepared under a name and run by it later, perhaps in another session of the server. */
  tracksPrepared: boolean
  /** Limits of time that no setting of the role, the database or the pooler puts on its sessions. */
  missingLimits: string[]
}

/** Finds out, over one connection, what a transaction pooler does for its clients. */
async function inspectPooler(connection: ClientConfig): Promise<PoolerFacts> {
  const client = new Client(connection)
  client.on('error', () => undefined) // the query that waits fails too
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

/** A pooler that prepares a client's statement in any session renames it; one that passes the name on cannot find it again. */
async function tracksPreparedStatements(client: Client): Promise<boolean> {
  const name = `paniq_documents_probe_${randomBytes(8).toString('hex')}`
  await client.query({ name, text: 'select $1::int', values: [1] })
  const { rows } = await client.query('select from pg_prepared_statements where name = $1', [name])
  if (rows.length === 0) return true
  // The session goes to others.
  await client.query(`deallocate ${name}`)
  return false
}

/**
 * Whether the role that asks owns the audit trail, or may become its owner: as a member of the owning role, or as a
 * superuser. Such a role could drop the guards that refuse a change.
 */
async function mayActAsOwner(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select pg_has_role(current_user, relowner, 'member') as may from pg_class where oid = 'document_events'::regclass
  `.execute(db)
  return rows[0]?.may ?? false
}

/** Whether `document_personnel` may read the platform's `firm_personnel`; so too where that table is not there. */
async function mayReadPersonnel(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select coalesce(has_table_privilege(proowner, to_regclass('public.firm_personnel'), 'select'), true) as may
    from pg_proc where oid = 'public.document_personnel(uuid)'::regprocedure`.execute(db)
  return rows[0]?.may ?? true
}
