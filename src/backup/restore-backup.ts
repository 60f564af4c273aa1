import type { Client, PoolConfig } from 'pg'

import { listMissingVersions } from '../database/backup/backed-up-files.ts'
import { loadRows } from '../database/backup/load-rows.ts'
import {
  findRestore,
  insertRestore,
  requireNoRowsIn,
  type RestoreTarget,
  type StartedRestore,
} from '../database/backup/restores.ts'
import { deleteIncoming, rewriteLocations } from '../database/backup/rewrite-locations.ts'
import type { Db } from '../database/connection/client.ts'
import { isPreRelease, listMigrated, listMigrations, migrate } from '../database/schema/migrate-schema.ts'
import type { BufferNeeds } from '../documents/moving/copy-blob.ts'
import type { Stores } from '../documents/stores/reachable-stores.ts'
import { AppError } from '../errors/app-error.ts'
import { Fault } from '../errors/faults.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { Ownership } from '../storage/owner-file.ts'
import type { StoreId } from '../vocabulary/vocabulary.ts'
import type { FileLine, Manifest } from './backup-manifest.ts'
import type { OpenedBackup } from './open-backup.ts'
import { readParts } from './compressed-parts.ts'
import { type RetryAndWaitOptions, createRetryingStore, type RetryingStore } from './retrying-store.ts'
import {
  checkFilesInPlace,
  fileLinesOf,
  type FileState,
  type RestoredFiles,
  restoreFiles,
  type RestoreFilesRequest,
} from './restore-files.ts'

export type RestoreStore = RestoreTarget & {
  storeId: StoreId | null
  files: FileStore & { ownership: Ownership; findAnything(): Promise<string | undefined> }
}

export type RestoreNeeds = BufferNeeds & {
  /** Connects as the owner of the tables. */
  ownerDb: Db
  owner: PoolConfig
  stores: Stores
}

type RestoreRequest = RetryAndWaitOptions &
  Pick<RestoreFilesRequest, 'concurrency' | 'withoutDamaged' | 'onLacking'> & {
    /** Undefined: the files stay in their stores, and the restore checks that they exist. */
    into: RestoreStore | undefined
    reads: boolean
    onTable: (table: string) => void
    onRestored: (done: RestoredFiles) => void
    onFileChecked: (line: FileLine, found: FileState) => void
  }

export type RestoreResult = {
  /** `loaded`: an earlier attempt has loaded the rows. */
  state: RestoreState
  isRowsOnly: boolean
  files: RestoredFiles | undefined
  filesInPlace: Record<FileState, number> | undefined
  /** Files that an earlier attempt did not restore. */
  lacking: number
}

/**
 * Restores a backup into an empty database and an empty store: files first, rows last in one transaction. After a kill
 * the next run resumes. Throws before the first change if something prevents the restore.
 */
export async function restoreBackup(
  needs: RestoreNeeds,
  store: BackupStore,
  { manifest, folder }: OpenedBackup,
  request: RestoreRequest,
): Promise<RestoreResult> {
  const backupStore = createRetryingStore(store, request, { ...request, ...needs })
  const { into } = request
  const context = { folder, files: manifest.files, installationId: manifest.installation_id }
  const inTarget = await into?.files.findAnything()
  await requireOwner(into, context.installationId)
  const state = await prepareRestore(needs.ownerDb, {
    backupId: manifest.backup.id,
    migrations: manifest.migrations,
    madeBy: manifest.made_by.version,
    target: into && { store: into.store, name: into.name },
    inTarget,
  })
  const all = { ...request, ...context }
  const restored = { state, isRowsOnly: into === undefined, files: undefined, filesInPlace: undefined, lacking: 0 }
  if (into === undefined) {
    const filesInPlace = await checkFilesInPlace(needs.stores, backupStore, { ...all, onFile: request.onFileChecked })
    if (state !== 'loaded') await load(deleteIncoming)
    return { ...restored, filesInPlace }
  }
  if (state === 'loaded') return { ...restored, lacking: await countLacking(needs.ownerDb, backupStore, all) }
  const files = await restoreAllFiles(needs, backupStore, into, all)
  await load(async (client) => rewriteLocations(client, { ...files, ...into, oldBucket: manifest.installation_id }))
  return { ...restored, files }

  async function load(finish: (client: Client) => Promise<void>): Promise<void> {
    await loadRows(needs.owner, {
      tables: manifest.tables.filter(({ name }) => into === undefined || !oldStoreTables.has(name)),
      rowsOf: ({ parts }) => readParts(backupStore, folder, parts),
      eventsSince: manifest.events_since,
      signal: request.signal,
      onTable: request.onTable,
      finish,
    })
  }
}

type RestorePlan = {
  backupId: string
  /** Migrations of the database that was backed up. */
  migrations: string[]
  madeBy: string
  /** Undefined: files stay in their stores. */
  target: RestoreTarget | undefined
  /** A file or object that exists in the target. */
  inTarget: string | undefined
}

/**
 * - `new`: nothing was restored yet, and the target must be empty;
 * - `begun`: an earlier attempt was interrupted, and may have written to the target;
 * - `loaded`: the rows are loaded.
 */
export type RestoreState = 'new' | 'begun' | 'loaded'

/**
 * Creates the tables at the backup's migration in an empty database, and records the restore. Connects as the tables'
 * owner. Throws what prevents the restore.
 */
export async function prepareRestore(ownerDb: Db, restoring: RestorePlan): Promise<RestoreState> {
  await requireKnownMigrations(restoring)
  const begun = await findRestore(ownerDb)
  const state = begun === undefined ? 'new' : stateOf(begun, restoring)
  if (state === 'loaded') return state
  await requireNoLaterMigrations(ownerDb, restoring)
  await requireNoRowsIn(ownerDb)
  if (state === 'begun') return state
  requireEmptyStore(restoring)

  await migrate(ownerDb, restoring.migrations)
  await insertRestore(ownerDb, restoring)
  return state
}

async function requireKnownMigrations({ migrations, madeBy }: RestorePlan): Promise<void> {
  if (isPreRelease(migrations)) throw new Fault('backup_too_old')
  const known = new Set(await listMigrations())
  if (!migrations.every((name) => known.has(name))) throw new Fault('backup_too_new', { version: madeBy })
}

async function requireNoLaterMigrations(db: Db, { migrations }: RestorePlan): Promise<void> {
  const later = (await listMigrated(db)).filter((name) => !migrations.includes(name))
  if (later.length > 0) throw new Fault('tables_too_new', { migrations: later })
}

function stateOf(begun: StartedRestore, { backupId, target }: RestorePlan): RestoreState {
  if (begun.finishedAt !== null) throw new Fault('database_restored')
  if (begun.backupId !== backupId) throw new Fault('other_restore_begun', { backupId: begun.backupId })
  const { store, name } = target ?? { store: null, name: null }
  if (begun.store !== store || begun.name !== name) throw new Fault('restore_begun_elsewhere', { store: begun.name })
  return begun.rowsAt === null ? 'begun' : 'loaded'
}

function requireEmptyStore({ target, inTarget }: RestorePlan): void {
  if (inTarget !== undefined) throw new Fault('store_not_empty', { store: target?.name, found: inTarget })
}

type RestoreFilesContext = RestoreRequest & { folder: string; files: Manifest['files']; installationId: string }

/** Claims the store after the last file. */
async function restoreAllFiles(
  needs: BufferNeeds,
  backupStore: RetryingStore,
  { files: target }: RestoreStore,
  { installationId, onRestored, ...request }: RestoreFilesContext,
): Promise<RestoredFiles> {
  const restored = await restoreFiles(needs, backupStore, { ...request, target, onFile: onRestored })
  await backupStore.retry(async () => target.ownership.claim(installationId))
  return restored
}

/** Rows about objects in the old stores, which are not restored. */
const oldStoreTables = new Set(['document_object_holds'])

async function requireOwner(into: RestoreStore | undefined, installationId: string): Promise<void> {
  const owner = await into?.files.ownership.find()
  if (owner === undefined || owner === installationId) return
  throw new AppError(
    'conflict',
    `${into?.name} belongs to another installation of the service: its paniq-documents.json has the id. Name an empty store.`,
  )
}

/** After an earlier attempt that loaded the rows: the number of files that it did not restore. */
async function countLacking(
  db: Db,
  backupStore: RetryingStore,
  { folder, files, onLacking }: Pick<RestoreFilesContext, 'folder' | 'files' | 'onLacking'>,
): Promise<number> {
  const missing = await listMissingVersions(db)
  let lacking = 0
  for await (const line of fileLinesOf(backupStore, folder, files)) {
    const { version_id: id, state, fate } = line
    if (fate === 'infected' || (fate === 'kept' && !(state === 'present' && missing.has(id ?? '')))) continue
    lacking += 1
    onLacking(line)
  }
  return lacking
}
