import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { hashBlob } from '../stores/hash-blob.ts'

export type HowToCheck = {
  /** Every byte is read; else only presence and length are checked. */
  reads: boolean
  signal: AbortSignal
}

export type Comparison =
  /** `sha256`: if the bytes were read. */
  | { kind: 'right'; sha256?: Sha256 }
  | { kind: 'missing' | 'wrong'; why: string }
  | { kind: 'unchecked'; why: string; error: StoreError }

/** Compares a second time if the first comparison finds a difference: one faulty read must not mark a document. */
export async function compareTwice(store: FileStore, version: StoredVersion, how: HowToCheck): Promise<Comparison> {
  const first = await compareOnce(store, version, how)
  return first.kind === 'missing' || first.kind === 'wrong' ? compareOnce(store, version, how) : first
}

async function compareOnce(store: FileStore, version: StoredVersion, how: HowToCheck): Promise<Comparison> {
  try {
    // A silent store must not delay a shutdown.
    const comparing = how.reads ? compareContent(store, version, how.signal) : compareSize(store, version)
    return await untilAborted(comparing, how.signal)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'bytes_missing') return missing
    return { kind: 'unchecked', why: `could not be read: ${error.message}`, error }
  }
}

async function compareContent(store: FileStore, version: StoredVersion, signal: AbortSignal): Promise<Comparison> {
  const found = await hashBlob(store, version.key, signal)
  if (found.size !== version.fileSize) return wrongSize(found.size, version)
  if (version.sha256 !== null && found.sha256 !== version.sha256)
    return { kind: 'wrong', why: `its SHA-256 is ${found.sha256} instead of ${version.sha256}` }
  return { kind: 'right', sha256: found.sha256 }
}

async function compareSize(store: FileStore, version: StoredVersion): Promise<Comparison> {
  const stat = await store.stat(version.key)
  if (stat === undefined) return missing
  return stat.size === version.fileSize ? { kind: 'right' } : wrongSize(stat.size, version)
}

const missing: Comparison = { kind: 'missing', why: 'there is no file under its key' }

function wrongSize(size: number, { fileSize }: StoredVersion): Comparison {
  return { kind: 'wrong', why: `it has ${size} bytes instead of ${fileSize}` }
}
