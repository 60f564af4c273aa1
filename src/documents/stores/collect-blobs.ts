import { setTimeout as wait } from 'node:timers/promises'

import { abandonIncoming } from '../../database/blobs/reserve-upload.ts'
import { deleteExpiredHidden } from '../../database/blobs/remove-blobs.ts'
import { removeBatch, type RemoveNeeds } from './remove-blobs.ts'
import { reachableStores } from './stores.ts'

export type CollectNeeds = RemoveNeeds & {
  /** Incoming blobs that are older are abandoned: longer than any request may live. */
  graceMs: number
}

/** How many uploads and moves were abandoned, how many blobs were removed, and how many could not be yet. */
export type Collected = { uploads: number; moves: number; removals: number; left: number }

/** A process whose lock was lost and taken again is not dead: a younger upload of it goes on. */
const deadAfterMs = 10 * 60 * 1000

/**
 * The collector: abandons uploads and moves that nobody will end (their client or process died) and removes the blobs
 * that are due, on this disk and on S3. It acts on rows alone; bytes that no row names are for `verify` to find. May run
 * twice, and beside others.
 */
export async function collectBlobs(needs: CollectNeeds, signal: AbortSignal): Promise<Collected> {
  const now = needs.now()
  const { graceMs } = needs
  const ago = (ms: number) => new Date(now.getTime() - ms)
  const abandoned = await abandonIncoming(needs.db, {
    now,
    before: ago(graceMs),
    deadBefore: ago(deadAfterMs),
    graceMs,
  })
  const collected: Collected = { ...abandoned, removals: 0, left: 0 }
  for (const here of reachableStores(needs.stores)) {
    if (here.store === 's3' && here.files.outage() !== undefined) continue
    for (;;) {
      if (signal.aborted) return collected
      const { removed, failed, postponed } = await removeBatch(needs, here, { dueAt: now })
      collected.removals += removed
      collected.left += failed
      if (removed + failed + postponed.length === 0) break
      // Removing must not crowd out uploads.
      await wait(10)
    }
  }
  await deleteExpiredHidden(needs.db, now)
  return collected
}
