import { hostname } from 'node:os'
import { join } from 'node:path'

import type { PoolConfig } from 'pg'
import type { Logger } from 'pino'

import packageJson from '../package.json' with { type: 'json' }
import { ConfigError, codeOf } from './errors/app-error.ts'
import type { Config } from './config/config.ts'
import { type Db, measureStatements, type PoolCounts } from './database/connection/client.ts'
import { type ClientLimits, connectDatabase } from './database/connect-database.ts'
import { clearMultipart, recordMultipart } from './database/blobs/reserve-upload.ts'
import { openProcessLock } from './database/connection/process-lock.ts'
import { createDocumentOpeners, type DocumentOpeners } from './documents/access-document.ts'
import type { Stores } from './documents/stores/stores.ts'
import { createUploadStatements, type UploadStatements } from './documents/upload/store-upload.ts'
import type { Tracing } from './logging/spans.ts'
import { startAtZero, createMetrics, type Metrics } from './metrics/metrics.ts'
import { createPasswords, type PasswordLimits, type Passwords } from './people/sessions/passwords.ts'
import { deriveKey, ensureTokenSecret, type TokenKeys, createTokenKeys } from './people/sessions/tokens.ts'
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
import { type KeyCacheTimes, openProvider, type Provider } from './people/sessions/openid-provider.ts'

/** Bytes of small files that may be in memory at once, over all uploads; more come to the spool, and wait when they are whole. */
export const maxUploadMemoryBytes = 96 * 1024 * 1024

/** How long bytes stay that no row names any more: longer than any request, and any link to them, may live. */
const graceMs = 24 * 60 * 60 * 1000

/** Everything that the ways in share, built once. */
export type App = {
  config: Config
  log: Logger
  metrics: Metrics
  /** Undefined: nothing is traced. */
  tracing: Tracing | undefined
  now: Clock
  /** Which process this is, for people. */
  instance: string
  /** The same for other processes: what it claims is theirs once it is dead. */
  processId: ProcessId
  db: Db
  /** For who needs connections of its own to the same database: the queue of jobs. */
  databaseConnection: PoolConfig
  /** The same without a transaction pooler, for everything that lives as long as its session. */
  directConnection: PoolConfig
  /** The same as the owner of its tables, for what the service itself may not do. */
  ownerConnection: PoolConfig
  countConnections(): PoolCounts
  openers: DocumentOpeners
  uploads: UploadStatements
  stores: Stores
  budget: ByteBudget
  spool: Spool
  /** Undefined: nothing is scanned. */
  scanner: Scanner | undefined
  graceMs: number
  /** Undefined: nobody keeps heads of the audit trail. */
  heads: HeadStore | undefined
  passwords: Passwords
  keys: TokenKeys & { localLinks: Uint8Array; cursors: Uint8Array }
  /** Undefined: nobody but us and the platform logs people in. */
  provider: Provider | undefined
  /** Names of the migrations that this start ran. */
  migrated: string[]
  close(): Promise<void>
}

/** Less than usual is for tests, which need not wait as long. */
export type OpenTimes = S3Limits & {
  database?: ClientLimits
  providerKeys?: KeyCacheTimes
  clamd?: ClamdLimits
  passwords?: PasswordLimits
}

/** A restore opens the whole before it is finished, which nobody else may. */
export type OpenOptions = OpenTimes & { isRestoring?: boolean }

/** Undoes one step of the opening. */
export type Closer = () => Promise<void>

/** Closes what was opened, in reverse and once. One that fails does not keep the rest open; the first failure is thrown at the end. */
export async function closeAll(opened: Closer[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of opened.splice(0).toReversed()) await close().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw new Error('not everything could be closed', { cause: failures[0] })
}

/** Builds the whole from its settings, in the order in which each part needs the one before; `close` undoes it in reverse. */
export async function openApp(config: Config, log: Logger, opening: OpenOptions = {}): Promise<App> {
  const { isRestoring = false, ...patience } = opening
  const opened: Closer[] = []
  const close = () => closeAll(opened)
  try {
    const metrics = createMetrics()
    const tracing = await openTraces(config, log)
    opened.push(async () => tracing?.close())
    const { database: databaseConfig, dataDir } = config
    const watch = measureStatements(metrics)
    const clientLimits = patience.database
    const database = await connectDatabase({ config: databaseConfig, dataDir, log, isRestoring, watch, clientLimits })
    opened.push(() => database.close())
    const processLock = await openProcessLock(database.direct, log)
    opened.push(() => processLock.close())
    const secret = await secretOf(config, database.db)
    const keys = {
      ...(await createTokenKeys(secret)),
      localLinks: deriveKey(secret, 'local-links'),
      cursors: deriveKey(secret, 'cursors'),
    }
    const provider = openProviderOf(config, { log, metrics, patience: patience.providerKeys })
    opened.push(async () => provider?.close())
    const linkKey = keys.localLinks
    const stores = await openStores(config, { db: database.db, log, metrics, linkKey, s3Patience: patience })
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
      scanner: openScannerOf(config, { metrics, limits: patience.clamd }),
      graceMs,
      heads: openHeadStore(config, log),
      passwords: createPasswords(patience.passwords),
      keys,
      provider,
      migrated: database.migrated,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The statements that many requests share. */
function statementsOf({ defaultQuota }: Config, db: Db, processId: ProcessId): Pick<App, 'openers' | 'uploads'> {
  return {
    openers: createDocumentOpeners(db),
    uploads: createUploadStatements({ db, processId, defaultQuota }),
  }
}

/** What our tokens, links and cursors are signed with: shared with the platform, or kept where all instances read it. */
async function secretOf({ jwtSecret, database, dataDir }: Config, db: Db): Promise<string> {
  if (jwtSecret !== undefined) return jwtSecret
  return database.kind === 'embedded' ? await ensureTokenSecret(dataDir) : await ensureStoredSecret(db, 'signing')
}

function openProviderOf(
  { openId }: Config,
  needs: { log: Logger; metrics: Metrics; patience: KeyCacheTimes | undefined },
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

/** What traces need is loaded only where somebody wants them. */
async function openTraces({ traces }: Config, log: Logger): Promise<Tracing | undefined> {
  if (traces === undefined) return undefined
  const { openTracing } = await import('./tracing/open-tracing.ts')
  return openTracing({ config: traces, version: packageJson.version, log })
}

type StoreNeeds = { db: Db; log: Logger; metrics: Metrics; linkKey: Uint8Array; s3Patience: S3Limits }

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

async function openS3({ s3: config }: Config, { db, log, metrics, s3Patience }: StoreNeeds): Promise<GuardedS3> {
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
  return await openGuardedS3({ config, log, metrics, recorder: recorderOf(db), onOperation, ...s3Patience })
}

function recorderOf(db: Db): MultipartRecorder {
  return {
    opened: (key, multipartId) => recordMultipart(db, key, multipartId),
    closed: (key, multipartId) => clearMultipart(db, key, multipartId),
  }
}
