import type { EventActor } from '../../database/events.ts'
import { StoreError } from '../../storage/file-store.ts'
import { isS3Out } from '../../storage/s3-operation.ts'
import { moveAll, type Settled } from './move-all.ts'
import type { MoveNeeds } from './move-version.ts'

export type Drained = {
  moved: number
  bytes: number
  /** Those that stay: missing, wrong, or a store could not be asked. */
  left: number
  /** Why it ended before the end: the first failure that stopped it. */
  stoppedBy?: unknown
}

type Draining = { concurrency: number; signal: AbortSignal; onSettled?: (settled: Settled) => void }

/**
 * Moves to S3 what was uploaded to this disk while S3 was away, and ends as soon as that is away again; a file that
 * cannot be moved for another reason is tried again and passed over.
 * The sources go after the grace, since links to them may live.
 */
export async function drain(needs: MoveNeeds, actor: EventActor, draining: Draining): Promise<Drained> {
  const drained: Drained = { moved: 0, bytes: 0, left: 0 }
  await moveAll(needs, actor, {
    scope: { store: 'local', storeId: needs.stores.local.storeId, isFallback: true, isMovable: true },
    to: 's3',
    removesSource: true,
    concurrency: draining.concurrency,
    signal: draining.signal,
    onSettled(settled) {
      count(drained, settled)
      draining.onSettled?.(settled)
    },
    async untilWorthwhile(error) {
      // One bad file does not stand before all others; S3 or a database that is away does.
      if (error instanceof StoreError && !isS3Out(error) && needs.stores.s3?.outage() === undefined) return true
      drained.stoppedBy ??= error
      drained.left += 1
      return false
    },
  })
  return drained
}

function count(drained: Drained, { version, outcome }: Settled): void {
  if (outcome === 'moved') {
    drained.moved += 1
    drained.bytes += version.fileSize
  } else {
    drained.left += 1
  }
}
