import { hostname } from 'node:os'
import { join } from 'node:path'

import type { PoolConfig } from 'pg'
import type { Logger } from 'pino'

import packageJson from '../package.json' with { type: 'json' }
import { ConfigError, codeOf } from './errors/app-error.ts'
import type { Config } from './config/load-config.ts'
import { type Db, measureStatements, type PoolCounts } from './database/connection/client.ts'
import { connectDatabase } from './database/connect-database.ts'
import type { ClientLimits } from './database/connection/time-limits.ts'
import { clearMultipart, recordMultipart } from './database/blobs/reserve-upload.ts'
import { openProcessLock } from './database/connection/process-lock.ts'
import { createDocumentOpeners, type DocumentOpeners } from './documents/access-document.ts'
import { removalGraceMs } from './documents/stores/collect-blobs.ts'
import type { Stores } from './documents/stores/reachable-stores.ts'
import { createUploadStatements, type UploadStatements } from './documents/upload/store-upload.ts'
import type { Tracing } from './logging/spans.ts'
import { startAtZero, createMetrics, type Metrics } from './metrics/metrics.ts'
import { createPasswords, type PasswordLimits, type Passwords } from './people/passwords/passwords.ts'
import { deriveKey, ensureTokenSecret, type TokenKeys, createTokenKeys } from './people/sessions/token-keys.ts'
import { openClamd, type ClamdLimits } from './scanner/clamd.ts'
import { inconclusiveReasons, type Scanner } from './scanner/scanner.ts'
import { type ByteBudget, createByteBudget } from './storage/streams/memory-budget.ts'
import { type MultipartRecorder, StoreError } from './storage/file-store.ts'
import { type GuardedS3, openGuardedS3, type S3Limits } from './storage/s3/guard-s3.ts'
import { openLocalStore } from './storage/local/local-store.ts'
import { measureStore } from './storage/measure-store.ts'
import { s3Troubles } from './storage/s3/requests/s3-errors.ts'
import type { S3OperationReport } from './storage/s3/requests/s3-operation.ts'
import { openSpool, type Spool } from './storage/spool/spool.ts'
import type { Clock, ProcessId } from './vocabulary/vocabulary.ts'
import { type HeadStore, openHeadStore } from './audit/seal-heads.ts'
import { ensureStoredSecret } from './database/schema/installation.ts'
import { openProviderClient, type ProviderClient } from './people/provider-login/provider-client.ts'
import { type KeyCacheTimes, openProvider, type Provider } from './people/sessions/openid-provider.ts'

/**
 * Memory for small files of all concurrent uploads. Beyond it, files go to the spool and wait there when they are
 * complete.
 */
export const maxUploadMemoryBytes = 96 * 1024 * 1024

/** Everything that the entry points share, built once. */
export type App = {
  config: Config
  log: Logger
  metrics: Metrics
  /** Undefined: tracing is off. */
  tracing: Tracing | undefined
  now: Clock
  /** The name of this process, for people. */
  instance: string
  /** The id of this process for others, which take over its claims when it dies. */
  processId: ProcessId
  db: Db
  /** For other clients of the same database: the job queue. */
  databaseConnection: PoolConfig
  /** Without a transaction pooler, for everything that needs one session. */
  directConnection: PoolConfig
  /** As the owner of the tables, for statements that the service's role may not run. */
  ownerConnection: PoolConfig
  countConnections(): PoolCounts
  openers: DocumentOpeners
  uploads: UploadStatements
  stores: Stores
  budget: ByteBudget
  spool: Spool
  /** Undefined: files are not scanned. */
  scanner: Scanner | undefined
  graceMs: number
  /** Undefined: heads of the audit trail are not stored. */
  heads: HeadStore | undefined
  /** Whether mail is sent: where it is off, nothing is queued. */
  mailIsOn: boolean
  passwords: Passwords
  /** `secondFactors`, `webhooks`, `unsubscribeLinks`: the newest first; the others only decrypt or verify. */
  keys: TokenKeys & {
    localLinks: Uint8Array
    previousLocalLinks: Uint8Array | undefined
    cursors: Uint8Array
    secondFactors: Uint8Array[]
    webhooks: Uint8Array[]
    unsubscribeLinks: Uint8Array[]
    providerLogins: Uint8Array
  }
  /** Undefined: there is no OpenID provider. */
  provider: Provider | undefined
  /** Undefined: people do not sign in with the provider here. */
  providerClient: ProviderClient | undefined
  /** Names of the migrations that ran at this start. */
  migrated: string[]
  close(): Promise<void>
}

/** Tests pass shorter times. */
export type OpenTimes = S3Limits & {
  database?: ClientLimits
  providerKeys?: KeyCacheTimes
  clamd?: ClamdLimits
  passwords?: PasswordLimits
}

/** `isRestoring`: opens a database whose restore is not finished, which only the restore itself may. */
type OpenOptions = OpenTimes & { isRestoring?: boolean }

/** Closes one opened part. */
export type Closer = () => Promise<void>

/** Closes the opened parts once, in reverse. Continues after a failure, and throws the first one at the end. */
export async function closeAll(opened: Closer[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of opened.splice(0).toReversed()) await close().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw new Error('not everything could be closed', { cause: failures[0] })
}

/** Builds the app from its settings. Each part needs those before it; `close` closes them in reverse. */
export async function openApp(config: Config, log: Logger, opening: OpenOptions = {}): Promise<App> {
  const { isRestoring = false, ...times } = opening
  const opened: Closer[] = []
  const close = () => closeAll(opened)
  try {
    const metrics = createMetrics()
    const tracing = await openTraces(config, log)
    opened.push(async () => tracing?.close())
    const { database: databaseConfig, dataDir } = config
    const watch = measureStatements(metrics)
    const clientLimits = times.database
    const database = await connectDatabase({ config: databaseConfig, dataDir, log, isRestoring, watch, clientLimits })
    opened.push(() => database.close())
    const processLock = await openProcessLock(database.direct, log)
    opened.push(() => processLock.close())
    const secret = await secretOf(config, database.db)
    const keys = await createKeys(secret, config.previousJwtSecret)
    const provider = openProviderOf(config, { log, metrics, times: times.providerKeys })
    opened.push(async () => provider?.close())
    const linkKey = keys.localLinks
    const stores = await openStores(config, { db: database.db, log, metrics, linkKey, s3Limits: times })
    opened.push(async () => stores.close())
    return {
      config,
      log,
      metrics,
      tracing,
      now: () => new Date(),
      instance: `${hostname()}:${process.pid}`,
      processId: processLock.processId,
      db: database.db,
      databaseConnection: database.connection,
      directConnection: database.direct,
      ownerConnection: database.owner,
      countConnections: () => database.countConnections(),
      ...statementsOf(config, database.db, processLock.processId),
      stores,
      budget: createByteBudget(maxUploadMemoryBytes),
      spool: await openSpool(join(dataDir, 'spool')),
      scanner: openScannerOf(config, { metrics, limits: times.clamd }),
      graceMs: removalGraceMs,
      heads: openHeadStore(config, log),
      mailIsOn: config.mail !== undefined,
      passwords: createPasswords({
        onDenied: () => metrics.rateLimitedRequests.inc({ kind: 'logins', of: 'address' }),
        ...times.passwords,
      }),
      keys,
      provider,
      providerClient: config.providerClient && openProviderClient({ config: config.providerClient, log }),
      migrated: database.migrated,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Keys of one purpose each. `previous`: the secret before a rotation; what it signed stays valid until it expires. */
async function createKeys(secret: string, previous: string | undefined): Promise<App['keys']> {
  const secrets = previous === undefined ? [secret] : [secret, previous]
  return {
    ...(await createTokenKeys(secret, previous)),
    localLinks: deriveKey(secret, 'local-links'),
    previousLocalLinks: previous === undefined ? undefined : deriveKey(previous, 'local-links'),
    cursors: deriveKey(secret, 'cursors'),
    providerLogins: deriveKey(secret, 'provider-logins'),
    secondFactors: secrets.map((each) => deriveKey(each, 'second-factors')),
    webhooks: secrets.map((each) => deriveKey(each, 'webhooks')),
    unsubscribeLinks: secrets.map((each) => deriveKey(each, 'unsubscribe-links')),
  }
}

/** Prepared statements that all requests share. */
function statementsOf({ defaultQuota, mail }: Config, db: Db, processId: ProcessId): Pick<App, 'openers' | 'uploads'> {
  return {
    openers: createDocumentOpeners(db),
    uploads: createUploadStatements({ db, processId, defaultQuota, mailIsOn: mail !== undefined }),
  }
}

/** The key that signs tokens, links and cursors: shared with the platform, or generated and stored for all instances. */
async function secretOf({ jwtSecret, database, dataDir }: Config, db: Db): Promise<string> {
  if (jwtSecret !== undefined) return jwtSecret
  return database.kind === 'embedded' ? await ensureTokenSecret(dataDir) : await ensureStoredSecret(db, 'signing')
}

function openProviderOf(
  { openId }: Config,
  needs: { log: Logger; metrics: Metrics; times: KeyCacheTimes | undefined },
): Provider | undefined {
  if (openId === undefined) return undefined
  return openProvider({ config: openId, ...needs })
}

function openScannerOf(
  { clamd }: Config,
  { metrics, limits }: { metrics: Metrics; limits: ClamdLimits | undefined },
): Scanner | undefined {
  if (clamd === undefined) return undefined
  startAtZero(
    metrics.scansUndecided,
    inconclusiveReasons.map((reason) => ({ reason })),
  )
  return openClamd(clamd, limits)
}

/** Loads the tracing libraries only when tracing is on. */
async function openTraces({ traces }: Config, log: Logger): Promise<Tracing | undefined> {
  if (traces === undefined) return undefined
  const { openTracing } = await import('./tracing/open-tracing.ts')
  return openTracing({ config: traces, version: packageJson.version, log })
}

type StoreNeeds = { db: Db; log: Logger; metrics: Metrics; linkKey: Uint8Array; s3Limits: S3Limits }

export async function openStores(config: Config, needs: StoreNeeds): Promise<Stores & { close(): void }> {
  const links = { key: needs.linkKey, now: () => new Date() }
  const { metrics } = needs
  const local = await openLocalStore({
    root: config.uploadsDir,
    links,
    onBytes: (direction, bytes) => metrics.storeBytes.inc({ store: 'local', direction }, bytes),
  }).catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error
    throw new ConfigError(
      `UPLOADS_DIR: ${config.uploadsDir} cannot be used (${codeOf(error.cause) ?? 'no reason given'}). Let the user of this service write there, or name another folder.`,
    )
  })
  const s3 = config.useS3 || config.s3.credentials !== undefined ? await openS3(config, needs) : undefined
  return {
    s3: s3 && measureStore(s3, metrics),
    local: measureStore(local, metrics),
    preferred: config.useS3 ? 's3' : 'local',
    fallback: config.fallback,
    close: () => s3?.close(),
  }
}

async function openS3({ s3: config }: Config, { db, log, metrics, s3Limits }: StoreNeeds): Promise<GuardedS3> {
  const onOperation = ({ operation, outcome, seconds, bytes }: S3OperationReport) => {
    metrics.s3Operations.observe({ operation, outcome }, seconds)
    metrics.storeBytes.inc({ store: 's3', direction: operation === 'get_object' ? 'read' : 'written' }, bytes)
  }
  startAtZero(
    metrics.uploadsWithoutS3,
    s3Troubles.flatMap((reason) => ['local', 'nowhere'].map((goes_to) => ({ reason, goes_to }))),
  )
  startAtZero(
    metrics.s3Outages,
    s3Troubles.map((reason) => ({ reason })),
  )
  return await openGuardedS3({ config, log, metrics, recorder: recorderOf(db), onOperation, ...s3Limits })
}

function recorderOf(db: Db): MultipartRecorder {
  return {
    opened: (key, multipartId) => recordMultipart(db, key, multipartId),
    closed: (key, multipartId) => clearMultipart(db, key, multipartId),
  }
}
