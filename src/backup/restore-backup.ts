import type { Client, PoolConfig } from 'pg'

import { listMissingVersions } from '../database/backup/backed-up-files.ts'
import { loadRows } from '../database/backup/load-rows.ts'
import { prepareRestore, type RestoreState, type RestoreTarget } from '../database/backup/prepare-restore.ts'
import { deleteIncoming, rewriteLocations } from '../database/backup/rewrite-locations.ts'
import type { Db } from '../database/connection/client.ts'
import type { BufferNeeds } from '../documents/moving/copy-blob.ts'
import { hashBlob } from '../documents/stores/hash-blob.ts'
import { findStore, type Stores } from '../documents/stores/stores.ts'
import { forEachConcurrently } from '../documents/stores/walk-versions.ts'
import { AppError } from '../errors/app-error.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { Ownership } from '../storage/owner-file.ts'
import { isReadableKey } from '../storage/storage-key.ts'
import type { StorageKey, StoreId } from '../vocabulary/vocabulary.ts'
import { isUnreadableFile } from './store-file.ts'
import type { FileLine, Manifest } from './manifest.ts'
import type { OpenedBackup } from './open-backup.ts'
import { readParts } from './parts.ts'
import { type RetryAndWaitOptions, createRetryingStore, type RetryingStore } from './retrying-store.ts'
import { fileLinesOf, type RestoredFiles, restoreFiles, type RestoreFilesRequest } from './restore-files.ts'

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

/** State of a file that stayed in its store. `unreadable`: only this file cannot be read, not the whole disk. */
export type FileState = 'there' | 'not_here' | 'missing' | 'wrong' | 'unreadable'

type CheckRequest = {
  folder: string
  files: Manifest['files']
  reads: boolean
  concurrency: number
  signal: AbortSignal
  onFile: (line: FileLine, found: FileState) => void
}

/** Checks every file of a backup in the store that its row names. */
export async function checkFilesInPlace(
  stores: Stores,
  backupStore: RetryingStore,
  request: CheckRequest,
): Promise<Record<FileState, number>> {
  const { folder, files, reads, concurrency, signal, onFile } = request
  const counts: Record<FileState, number> = { there: 0, not_here: 0, missing: 0, wrong: 0, unreadable: 0 }
  await forEachConcurrently(fileLinesOf(backupStore, folder, files), concurrency, async (line) => {
    signal.throwIfAborted()
    const found = await backupStore.retry(async () => checkFile(stores, line, { reads, signal }))
    counts[found] += 1
    onFile(line, found)
    return 'next'
  })
  return counts
}

async function checkFile(stores: Stores, line: FileLine, options: CheckOptions): Promise<FileState> {
  const files = findStore(stores, { store: line.store, storeId: line.store_id as StoreId | null }) // as in the rows
  if (files === undefined) return 'not_here'
  const { key } = line
  if (!isReadableKey(key)) return 'missing'
  try {
    return await compare(files, { ...line, key }, options)
  } catch (error) {
    if (await isUnreadableFile({ stores }, { store: line.store, key }, { error, signal: options.signal }))
      return 'unreadable'
    throw error
  }
}

type CheckOptions = Pick<CheckRequest, 'reads' | 'signal'>
type InStore = Pick<FileLine, 'size' | 'sha256'> & { key: StorageKey }

async function compare(
  files: FileStore,
  { key, size, sha256 }: InStore,
  { reads, signal }: CheckOptions,
): Promise<FileState> {
  const stat = await files.stat(key)
  if (stat === undefined) return 'missing'
  if (stat.size !== size) return 'wrong'
  if (!reads || sha256 === null) return 'there'
  return (await hashBlob(files, key, signal)).sha256 === sha256 ? 'there' : 'wrong'
}
