import { setTimeout as wait } from 'node:timers/promises'

import { abandonIncoming } from '../../database/blobs/reserve-upload.ts'
import { expireUploads } from '../../database/resumable/upload-claims.ts'
import { deleteExpiredHidden } from '../../database/blobs/remove-blobs.ts'
import { removeBatch, type RemoveNeeds } from './remove-blobs.ts'
import { reachableStores } from './reachable-stores.ts'

/** How long a blob stays after no row needs it: longer than any request or link. */
export const removalGraceMs = 24 * 60 * 60 * 1000

export type CollectNeeds = RemoveNeeds & {
  /** The age at which incoming blobs are abandoned: longer than any request may live. */
  graceMs: number
}

/** Numbers of abandoned or expired uploads and of moves, of removed blobs, and of blobs that could not be removed yet. */
type Collected = { uploads: number; moves: number; removals: number; left: number }

/** A process that lost its lock and took it again looks dead for a moment: its younger uploads go on. */
const deadAfterMs = 10 * 60 * 1000

/**
 * The collector: abandons the uploads and moves of dead processes and removes the blobs that are due, on this disk and on
 * S3. It acts on rows alone; `verify` finds files without a row. Any number of collectors may run at once, and if one dies
 * the next resumes.
 */
export async function collectBlobs(needs: CollectNeeds, signal: AbortSignal): Promise<Collected> {
  const now = needs.now()
  const { graceMs } = needs
  const ago = (ms: number) => new Date(now.getTime() - ms)
  const expired = await expireUploads(needs.db, now)
  const abandoned = await abandonIncoming(needs.db, {
    now,
    before: ago(graceMs),
    deadBefore: ago(deadAfterMs),
    graceMs,
  })
  const collected: Collected = { ...abandoned, uploads: abandoned.uploads + expired, removals: 0, left: 0 }
  for (const here of reachableStores(needs.stores)) {
    if (here.store === 's3' && here.files.outage() !== undefined) continue
    for (;;) {
      if (signal.aborted) return collected
      const { removed, failed, postponed } = await removeBatch(needs, here, { dueAt: now })
      collected.removals += removed
      collected.left += failed
      if (removed + failed + postponed.length === 0) break
      // Leaves room for uploads.
      await wait(10)
    }
  }
  await deleteExpiredHidden(needs.db, now)
  return collected
}
