import pLimit from 'p-limit'

import { claimRemovals, type Removal, type RemovalOutcome, recordRemovals } from '../../database/blobs/remove-blobs.ts'
import type { RemovalBlocker } from '../../database/blobs/remove-blobs.ts'
import { isPermissionDenied } from '../../database/connection/postgres-errors.ts'
import { isStorableKey } from '../../storage/storage-key.ts'
import type { BlobId, DocumentId, StoreName } from '../../vocabulary/vocabulary.ts'
import { abortParts, removeOne, type RemoveNeeds } from '../stores/remove-blobs.ts'
import { type ReachableStore, reachableStores } from '../stores/reachable-stores.ts'

export type DestroyNeeds = Omit<RemoveNeeds, 'log' | 'metrics'>

/**
 * - `destroyed`: nobody can read the file any more.
 * - `held`, `still_named`, `backup_runs`: see `RemovalBlocker`.
 * - `refused`: an Object Lock or a policy of the bucket retains it.
 */
export type FileOutcome = 'destroyed' | RemovalBlocker | 'refused'

export type DestroyResult = { file: Removal & { store: StoreName } } & (
  | { outcome: FileOutcome }
  | { outcome: 'failed'; error: unknown }
)

type Destruction = {
  /** Undefined: the files of all purged documents. */
  documentIds: DocumentId[] | undefined
  signal: AbortSignal
  onResult: (settled: DestroyResult) => void
}

const batchSize = 200
/** Each file costs a few requests to S3. */
const atOnce = 8

/**
 * Destroys the files of purged documents now, without their grace: on disk the file, on S3 every version of the object. If
 * it is killed, its claims end with the process, and the next run destroys the rest. False if the signal ended it.
 */
export async function destroyFiles(needs: DestroyNeeds, destruction: Destruction): Promise<boolean> {
  for (const here of reachableStores(needs.stores)) {
    let after: BlobId | undefined
    do {
      if (destruction.signal.aborted) return false
      after = await destroyBatch(needs, here, { ...destruction, after })
    } while (after !== undefined)
  }
  return !destruction.signal.aborted
}

/** Returns the last blob of the batch; undefined at the end. */
async function destroyBatch(
  needs: DestroyNeeds,
  here: ReachableStore,
  { documentIds, after, signal, onResult }: Destruction & { after: BlobId | undefined },
): Promise<BlobId | undefined> {
  const scope = { purged: true, documentIds, after } as const
  const batch = await claimRemovals(needs.db, needs.processId, here, { scope, now: needs.now(), limit: batchSize })
  const { claimId, removals, postponed } = batch
  for (const { blocker, ...file } of postponed) onResult({ file: { ...file, store: here.store }, outcome: blocker })
  const limit = pLimit(atOnce)
  const destroyed = await Promise.all(
    removals.map((removal) =>
      limit(async () => {
        if (signal.aborted) return { id: removal.id, outcome: 'failed' } as const
        return destroyOne(here, removal, onResult)
      }),
    ),
  )
  await recordRemovals(needs.db, { claimId, now: needs.now() }, destroyed)
  return [...removals, ...postponed]
    .map(({ id }) => id)
    .toSorted()
    .at(-1)
}

async function destroyOne(
  here: ReachableStore,
  removal: Removal,
  onResult: Destruction['onResult'],
): Promise<RemovalOutcome> {
  const file = { ...removal, store: here.store }
  try {
    const outcome = await destroy(here, removal)
    onResult({ file, outcome })
    return { id: removal.id, outcome: outcome === 'destroyed' ? 'destroyed' : 'failed' }
  } catch (error) {
    if (isPermissionDenied(error)) throw error
    onResult({ file, outcome: 'failed', error })
    return { id: removal.id, outcome: 'failed' }
  }
}

async function destroy(here: ReachableStore, removal: Removal): Promise<'destroyed' | 'refused'> {
  if (!isStorableKey(removal.key)) return 'destroyed'
  if (here.store === 's3') {
    await abortParts(here, removal)
    return here.files.versions.destroy(removal.key)
  }
  await removeOne(here, removal)
  return 'destroyed'
}
