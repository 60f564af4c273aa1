import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { StoreError } from '../../storage/file-store.ts'
import type { LocalStore } from '../../storage/local/local-store.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { Stores } from '../stores/reachable-stores.ts'
import { walkVersions } from '../stores/walk-versions.ts'
import { moveAll, type MoveResult } from './move-all.ts'
import type { MoveNeeds } from './move-version.ts'
import { countInLocalStore } from '../../database/documents/versions-in-store.ts'

type Drained = {
  moved: number
  bytes: number
  /** Files that stay: missing, wrong, or a store could not be asked. */
  left: number
  /** The failure that ended the run early. */
  stoppedBy?: unknown
}

type Draining = { concurrency: number; signal: AbortSignal; onResult?: (settled: MoveResult) => void }

/**
 * Moves the fallback files of this disk to S3, until S3 is out again. A file that fails for another reason is
 * retried, then skipped. Sources are removed after the grace, since links to them may still be used.
 */
export async function drain(needs: MoveNeeds, actor: EventActor, draining: Draining): Promise<Drained> {
  const drained: Drained = { moved: 0, bytes: 0, left: 0 }
  await moveAll(needs, actor, {
    scope: { store: 'local', storeId: needs.stores.local.storeId, isFallback: true, isMovable: true },
    to: 's3',
    removesSource: true,
    concurrency: draining.concurrency,
    signal: draining.signal,
    onResult(result) {
      countResult(drained, result)
      draining.onResult?.(result)
    },
    async waitForRetry(error) {
      // One bad file must not stop the others. S3 or a database that is away stops all.
      if (error instanceof StoreError && !isS3Unavailable(error) && needs.stores.s3?.outage() === undefined) return true
      drained.stoppedBy ??= error
      drained.left += 1
      return false
    },
  })
  return drained
}

function countResult(drained: Drained, { version, outcome }: MoveResult): void {
  if (outcome === 'moved') {
    drained.moved += 1
    drained.bytes += version.fileSize
  } else {
    drained.left += 1
  }
}

/** The files that would be lost with a disk. */
export type DiskContents = {
  /** Files that wait for S3. */
  waiting: number
  /** Fallback files that are missing or corrupt. */
  damaged: number
  /** Documents stored there by choice, files of the platform, and the last right copies of moved documents. */
  others: number
  /** Files on a disk that this database does not know: they belong to another one. */
  unknown: { files: number; bytes: number }
}

/** Counts the files that exist only on this disk. */
export async function inspectDisk({ db, stores }: { db: Db; stores: Stores }): Promise<DiskContents> {
  const { isKnown, others: byChoice, ...fallback } = await countInLocalStore(db, stores.local.storeId)
  const platformFiles = await countOfPlatform(db, stores.local)
  const isUnknown = !isKnown && platformFiles === 0
  const unknown = isUnknown ? await countFiles(stores.local) : { files: 0, bytes: 0 }
  return { ...fallback, others: byChoice + platformFiles, unknown }
}

/** The platform's rows name no disk, so each file is looked up. */
async function countOfPlatform(db: Db, disk: LocalStore): Promise<number> {
  let count = 0
  for await (const { key } of walkVersions(db, { store: 'local', storeId: null }))
    // A name that is no valid key cannot be looked up.
    if (isReadableKey(key) && (await disk.stat(key)) !== undefined) count += 1
  return count
}

async function countFiles(disk: LocalStore): Promise<{ files: number; bytes: number }> {
  const count = { files: 0, bytes: 0 }
  for await (const { size } of disk.list('')) {
    count.files += 1
    count.bytes += size
  }
  return count
}
