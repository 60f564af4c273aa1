import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { StoreError } from '../../storage/file-store.ts'
import type { LocalStore } from '../../storage/local/local-store.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { Stores } from '../stores/stores.ts'
import { walkVersions } from '../stores/walk-versions.ts'
import { moveAll, type MoveResult } from './move-all.ts'
import type { MoveNeeds } from './move-version.ts'
import { countInLocalStore } from '../../database/documents/versions-in-store.ts'

type Drained = {
  moved: number
  bytes: number
  /** Those that stay: missing, wrong, or a store could not be asked. */
  left: number
  /** Why it ended before the end: the first failure that stopped it. */
  stoppedBy?: unknown
}

type Draining = { concurrency: number; signal: AbortSignal; onResult?: (settled: MoveResult) => void }

/**
 * Moves to S3 what was stored on this disk as fallback, until S3 is away again. A file that fails otherwise is retried,
 * then skipped. Sources go after the grace, since links to them may live.
 */
export async function drain(needs: MoveNeeds, actor: EventActor, draining: Draining): Promise<Drained> {
  const drained: Drained = { moved: 0, bytes: 0, left: 0 }
  await moveAll(needs, actor, {
    scope: { store: 'local', storeId: needs.stores.local.storeId, isFallback: true, isMovable: true },
    to: 's3',
    removesSource: true,
    concurrency: draining.concurrency,
    signal: draining.signal,
    onResult(settled) {
      countResult(drained, settled)
      draining.onResult?.(settled)
    },
    async waitForRetry(error) {
      // One bad file does not stand before all others; S3 or a database that is away does.
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

/** What would be lost with a disk. */
export type DiskContents = {
  /** Files that wait for S3, and those among them that were found wrong or missing. */
  waiting: number
  spoiled: number
  /** Papers that lie there by choice, the platform's whose file is there, and last right copies of what was moved. */
  others: number
  /** Files on a disk that this database does not know: which papers they are, another one knows. */
  unknown: { files: number; bytes: number }
}

/** Counts what lies on this disk alone, before somebody takes it away. */
export async function inspectDisk({ db, stores }: { db: Db; stores: Stores }): Promise<DiskContents> {
  const { isKnown, others: byChoice, ...fallback } = await countInLocalStore(db, stores.local.storeId)
  const platformMigrations = await countOfPlatform(db, stores.local)
  const isStrange = !isKnown && platformMigrations === 0
  const unknown = isStrange ? await countFiles(stores.local) : { files: 0, bytes: 0 }
  return { ...fallback, others: byChoice + platformMigrations, unknown }
}

/** The platform's rows name no disk: their files are looked for. */
async function countOfPlatform(db: Db, disk: LocalStore): Promise<number> {
  let count = 0
  for await (const { key } of walkVersions(db, { store: 'local', storeId: null }))
    // One of a shape that is no key of ours is not looked for: whose it is nobody here can say.
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
