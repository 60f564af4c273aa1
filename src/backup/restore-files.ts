import { createHash } from 'node:crypto'

import type { Renamed } from '../database/backup/rewrite-locations.ts'
import { copyBlob } from '../documents/moving/copy-blob.ts'
import type { BufferNeeds } from '../documents/moving/copy-blob.ts'
import { hashBlob } from '../documents/stores/hash-blob.ts'
import { findStore, type Stores } from '../documents/stores/reachable-stores.ts'
import { forEachConcurrently, createCopyLimits, type CopyLimits } from '../documents/stores/walk-versions.ts'
import type { FileStore } from '../storage/file-store.ts'
import { extensionOf, isReadableKey, isStorageKey, storageKeyOf } from '../storage/storage-key.ts'
import type { DocumentId, FirmId, Sha256, StorageKey, StoreId } from '../vocabulary/vocabulary.ts'
import {
  InvalidBackup,
  contentName,
  InvalidContent,
  type FileLine,
  fileLineSchema,
  type Manifest,
} from './backup-manifest.ts'
import type { RetryingStore } from './retrying-store.ts'
import { readParts } from './compressed-parts.ts'
import { isUnreadableFile } from './back-up-file.ts'

export type RestoredFiles = {
  /** Written now, or found from an earlier attempt; each was read back. */
  written: number
  found: number
  bytes: number
  renamed: Renamed[]
  /** Versions whose files are missing or damaged in the backup. */
  withoutBytes: string[]
  /** Files with a virus, which are never restored. */
  infected: number
  /** All other files that were not restored. */
  lacking: number
  /** The damaged files among `lacking`. */
  damaged: number
}

export type RestoreFilesRequest = {
  folder: string
  files: Manifest['files']
  target: FileStore
  concurrency: number
  signal: AbortSignal
  onFile: (done: RestoredFiles) => void
  /** Skips damaged files. Otherwise a damaged file ends the restore. */
  withoutDamaged: boolean
  /** Called for each file that is not restored, except infected ones. */
  onLacking: (line: FileLine) => void
}

/** Copies every file of a backup into an empty store and reads it back. Resumes an earlier attempt. Throws `InvalidBackup`. */
export async function restoreFiles(
  needs: BufferNeeds,
  backupStore: RetryingStore,
  restoring: RestoreFilesRequest,
): Promise<RestoredFiles> {
  const { folder, files, target, concurrency, signal, onFile, withoutDamaged, onLacking } = restoring
  const counts = { written: 0, found: 0, bytes: 0, infected: 0, lacking: 0, damaged: 0 }
  const done: RestoredFiles = { ...counts, renamed: [], withoutBytes: [] }
  const turns = createCopyLimits(concurrency)
  await forEachConcurrently(fileLinesOf(backupStore, folder, files), turns.filesUnderway, async (line) => {
    signal.throwIfAborted()
    const restored =
      line.fate === 'kept'
        ? await backupStore
            .retry(async () => restoreFile(needs, backupStore, { line, target, turns, signal }))
            .catch((error: unknown) => {
              if (!withoutDamaged || !(error instanceof InvalidContent)) throw error
              return undefined
            })
        : undefined
    if (restored !== undefined) countRestored(done, line, restored)
    else {
      countMissing(done, line)
      if (line.fate !== 'infected') onLacking(line)
    }
    onFile(done)
    return 'next'
  })
  return done
}

function countRestored(done: RestoredFiles, line: FileLine, { key, isNew }: RestoredFile): void {
  if (isNew) done.written += 1
  else done.found += 1
  done.bytes += line.size
  if (key !== line.key) done.renamed.push(renamedOf(line, key))
}

function countMissing(done: RestoredFiles, { version_id: versionId, fate }: FileLine): void {
  if (fate === 'infected') done.infected += 1
  else done.lacking += 1
  if (fate === 'kept') done.damaged += 1
  if (versionId !== null) done.withoutBytes.push(versionId)
}

export async function* fileLinesOf(
  backupStore: RetryingStore,
  folder: string,
  { parts }: Manifest['files'],
): AsyncGenerator<FileLine, undefined> {
  for await (const line of readParts(backupStore, folder, parts)) yield fileLineSchema.parse(JSON.parse(line))
  return undefined
}

function renamedOf({ store, store_id: storeId, key }: FileLine, newKey: StorageKey): Renamed {
  return { store, storeId: storeId as StoreId | null, key, newKey } // as in the rows
}

type RestoredFile = { key: StorageKey; isNew: boolean }
type RestoreOne = { line: FileLine; target: FileStore; turns: CopyLimits; signal: AbortSignal }

async function restoreFile(needs: BufferNeeds, backupStore: RetryingStore, one: RestoreOne): Promise<RestoredFile> {
  const { line, target, signal } = one
  const keys = [...(isStorageKey(line.key) ? [line.key] : []), alternativeKey(line)]
  for (const key of keys) {
    const stat = await target.stat(key)
    if (stat !== undefined) {
      if (stat.size === line.size && (await hashBlob(target, key, signal)).sha256 === line.sha256)
        return { key, isNew: false }
      continue
    }
    if (await copy(needs, backupStore, key, one)) return { key, isNew: true }
  }
  throw new InvalidBackup(
    `the store has other content under the key for ${contentName(line.sha256 ?? '')}; is it empty?`,
  )
}

/** False if another process wrote other content under the key. */
async function copy(
  needs: BufferNeeds,
  backupStore: RetryingStore,
  key: StorageKey,
  { line, target, turns, signal }: RestoreOne,
): Promise<boolean> {
  const name = contentName(line.sha256 ?? '')
  const outcome = await copyBlob(needs, {
    from: { store: { read: async () => backupStore.read(name) }, key },
    to: { store: target, key },
    size: line.size,
    sha256: line.sha256 as Sha256 | null, // checked when the line was read
    contentType: line.mime_type,
    labels: {
      originalFileName: line.file_name,
      documentType: line.document_type,
      firmId: line.firm_id as FirmId, // as in the rows
      documentId: line.document_id as DocumentId,
    },
    limits: turns,
    signal,
  })
  switch (outcome.kind) {
    case 'copied':
      return true
    case 'target_wrong':
      return false
    case 'source_missing':
      throw new InvalidContent(`${name} is missing`)
    case 'source_wrong':
      throw new InvalidContent(`${name} was changed or damaged`)
  }
}

/** The same for the same file, so that a second attempt finds it. */
function alternativeKey({ firm_id: firmId, document_type: documentType, key, sha256 }: FileLine): StorageKey {
  const hex = createHash('sha256').update(`${key} ${sha256}`).digest('hex')
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  return storageKeyOf({ firmId: firmId as FirmId, documentType, uuid, extension: extensionOf(key as StorageKey) })
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
