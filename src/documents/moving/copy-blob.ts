import { type FileLabels, type FileStore, type StoredFile, StoreError } from '../../storage/file-store.ts'
import type { Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import {
  hashBlob,
  type BufferedSource,
  type BufferNeeds,
  bufferSource,
  isSourceDamaged,
  recheckSource,
  type Source,
} from './buffer-source.ts'
import type { CopyLimits } from '../stores/walk-versions.ts'

export type CopyNeeds = BufferNeeds

export type Copy = {
  from: { store: Pick<FileStore, 'read'>; key: StorageKey }
  to: { store: FileStore; key: StorageKey }
  /** What the source must be. A row of the platform knows no hash: then the source's own is taken. */
  size: number
  sha256: Sha256 | null
  contentType: string
  labels: FileLabels
  limits: CopyLimits
  signal: AbortSignal
}

export type CopyOutcome =
  | { kind: 'copied'; stored: StoredFile }
  /** The source is not there, or was read twice and is not the file that it should be: nothing was copied. */
  | { kind: 'source_missing' | 'source_wrong' }
  /** Other bytes lie under the target's key than were sent there. */
  | { kind: 'target_wrong' }

/**
 * Copies one file from store to store, reads the target back and compares its hash. A target with the same bytes counts as
 * copied. Throws when a store could not be asked, or gave the source wrong once and right the next time.
 */
export async function copyBlob(needs: CopyNeeds, copy: Copy): Promise<CopyOutcome> {
  const { to, limits, signal } = copy
  try {
    const stored = await limits.writing(() => writeTarget(needs, copy))
    if (stored === undefined) return { kind: 'source_missing' }
    const found = await limits.readingBack(() => hashBlob(to.store, to.key, signal))
    const isProved = found.size === stored.size && found.sha256 === stored.sha256
    return isProved ? { kind: 'copied', stored } : { kind: 'target_wrong' }
  } catch (error) {
    if (!isSourceDamaged(error)) throw error
    return { kind: `source_${await recheckSource(sourceOf(copy))}` }
  }
}

/** Undefined when there is no source. */
async function writeTarget(needs: CopyNeeds, copy: Copy): Promise<StoredFile | undefined> {
  // Who waited for a turn may have been told to end meanwhile.
  copy.signal.throwIfAborted()
  const held = await bufferSource(needs, sourceOf(copy))
  if (held === undefined) return undefined
  try {
    return await write(copy, held)
  } finally {
    await held.release()
  }
}

function sourceOf({ from, size, sha256, signal }: Copy): Source {
  return { ...from, size, sha256, signal, waitSeconds: Infinity }
}

async function write(
  { size, to, contentType, labels, signal }: Copy,
  { content }: BufferedSource,
): Promise<StoredFile> {
  try {
    return await to.store.write(to.key, { contentType, labels, content, signal })
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'key_taken') throw error
    // Somebody was here before: an attempt whose answer was lost, or whose mover died. The read-back says whether it is ours.
    return content.kind === 'memory' ? { size, sha256: content.sha256 } : await content.accepted
  }
}
