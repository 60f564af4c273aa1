import { findCurrentBlob } from '../database/backup/backed-up-files.ts'
import type { Db } from '../database/connection/client.ts'
import type { BlobLocation } from '../database/documents/versions-in-store.ts'
import {
  type BufferNeeds,
  bufferSource,
  isSourceDamaged,
  recheckSource,
  type Source,
} from '../documents/moving/copy-blob.ts'
import { hashBlob } from '../documents/stores/hash-blob.ts'
import { findStore, type Stores } from '../documents/stores/reachable-stores.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import { isSingleFileFailure } from '../storage/local/local-errors.ts'
import { isReadableKey } from '../storage/storage-key.ts'
import type { FirmId, Sha256, StorageKey, StoreId } from '../vocabulary/vocabulary.ts'
import { contentName, type FileFate, type FileLine, type SnapshotFile } from './backup-manifest.ts'
import { notifyOnRead, type BackupRun } from './heartbeat.ts'

export type StoreFileNeeds = BufferNeeds & { db: Db; stores: Stores }

/** `isNew`: the backup store did not have this content. */
export type StoredFile = { line: FileLine; isNew: boolean }

type Outcome = { fate: 'kept'; sha256: Sha256; isNew: boolean } | { fate: Exclude<FileFate, 'kept' | 'left'> }

/** Copies one file of the snapshot into the backup store: from its location in the snapshot, or else from its current one. */
export async function storeFile(
  needs: StoreFileNeeds,
  backupStore: BackupStore,
  file: SnapshotFile,
  run: BackupRun,
): Promise<StoredFile> {
  if (file.scan_status === 'infected') return { line: { ...file, fate: 'infected' }, isNew: false }
  const known = file.sha256 as Sha256 | null // checked when the line was read
  if (known !== null && (await backupStore.sizeOf(contentName(known))) === file.size)
    return { line: { ...file, fate: 'kept' }, isNew: false }
  const outcome = await copyFile(needs, backupStore, file, run)
  if (outcome.fate === 'kept') return { line: { ...file, fate: 'kept', sha256: outcome.sha256 }, isNew: outcome.isNew }
  return { line: { ...file, fate: outcome.fate }, isNew: false }
}

async function copyFile(
  needs: StoreFileNeeds,
  backupStore: BackupStore,
  file: SnapshotFile,
  run: BackupRun,
): Promise<Outcome> {
  // The snapshot may be hours old, and a scan may have found a virus since.
  if ((await findCurrentLocation(needs, file))?.isInfected === true) return { fate: 'infected' }
  const inSnapshot = { store: file.store, storeId: file.store_id as StoreId | null, key: file.key as StorageKey } // as in the rows
  const outcome = await copyFrom(needs, backupStore, { file, from: inSnapshot, run })
  if (outcome.fate === 'kept') return outcome

  const now = await findCurrentLocation(needs, file)
  if (now?.isInfected === true) return { fate: 'infected' }
  if (now === undefined || isSameLocation(now, inSnapshot)) return outcome
  const second = await copyFrom(needs, backupStore, { file, from: now, run })
  return second.fate === 'kept' ? second : outcome
}

/** Undefined also for a row of the platform, which has only one location. */
async function findCurrentLocation({ db }: StoreFileNeeds, { firm_id: firmId, version_id: versionId }: SnapshotFile) {
  return versionId === null ? undefined : findCurrentBlob(db, firmId as FirmId, versionId) // as in the rows
}

type Copy = { file: SnapshotFile; from: BlobLocation; run: BackupRun }

async function copyFrom(
  needs: StoreFileNeeds,
  backupStore: BackupStore,
  { file, from, run: { signal, onProgress } }: Copy,
): Promise<Outcome> {
  const store = findStore(needs.stores, from)
  if (store === undefined) return { fate: 'not_here' }
  if (!isReadableKey(from.key)) return { fate: 'missing' }
  const sha256 = file.sha256 as Sha256 | null
  const read: Source['store']['read'] = async (key) => notifyOnRead(await store.read(key), onProgress)
  const source: Source = { store: { read }, key: from.key, size: file.size, sha256, signal, waitSeconds: Infinity }
  try {
    const buffered = await bufferSource(needs, source)
    // Rows of the platform name no disk: it may be another one.
    if (buffered === undefined)
      return { fate: from.store === 'local' && from.storeId === null ? 'not_here' : 'missing' }
    try {
      return { fate: 'kept', ...(await write(backupStore, buffered.content, onProgress)) }
    } finally {
      await buffered.release()
    }
  } catch (error) {
    if (isSourceDamaged(error)) return { fate: await recheckSource(source) }
    if (await isUnreadableFile(needs, from, { error, signal })) return { fate: 'unreadable' }
    throw error
  }
}

type Content = NonNullable<Awaited<ReturnType<typeof bufferSource>>>['content']

/** Reports progress only for a spooled file: a slow backup store may need long for it. */
async function write(
  backupStore: BackupStore,
  content: Content,
  onPiece: () => void,
): Promise<{ sha256: Sha256; isNew: boolean }> {
  const { size, sha256 } =
    content.kind === 'memory' ? { size: content.bytes.length, sha256: content.sha256 } : await content.accepted
  const name = contentName(sha256)
  if ((await backupStore.sizeOf(name)) === size) return { sha256, isNew: false }
  await backupStore.write(
    name,
    content.kind === 'memory' ? { bytes: content.bytes, sha256 } : { path: content.path, size, sha256, onPiece },
  )
  return { sha256, isNew: true }
}

function isSameLocation(one: BlobLocation, other: BlobLocation): boolean {
  return one.store === other.store && one.storeId === other.storeId && one.key === other.key
}

/** Whether the local disk cannot read this one file, twice, while its root is readable. */
export async function isUnreadableFile(
  { stores: { local } }: { stores: Stores },
  { store, key }: Pick<BlobLocation, 'store' | 'key'>,
  { error, signal }: { error: unknown; signal: AbortSignal },
): Promise<boolean> {
  if (store !== 'local' || !isSingleFileFailure(error)) return false
  try {
    await hashBlob(local, key, signal)
    return false
  } catch (again) {
    if (!isSingleFileFailure(again)) return false
  }
  await local.ownership.find()
  return true
}
