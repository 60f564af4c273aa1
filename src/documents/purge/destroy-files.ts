import type { Db } from '../../database/client.ts'
import { type DisposedFile, listDisposedFiles, noteDisposed } from '../../database/disposed-files.ts'
import { isLackOfRight } from '../../database/postgres-errors.ts'
import type { Clock, DocumentId } from '../../vocabulary.ts'
import { filesHere } from '../stores-here.ts'
import { type Stores, storeHolding, storeUnavailable } from '../stores.ts'
import { inTurns } from '../walk-versions.ts'
import { findWhatKeeps, type Keeper } from '../what-keeps-bytes.ts'

export type DestroyNeeds = { db: Db; stores: Stores; now: Clock }

/**
 * - `destroyed`: nobody can read these bytes any more, whatever they know.
 * - `held`: a legal hold was put on the firm since.
 * - `still_named`: something else lies under the same name, as two rows of the platform's may.
 * - `backup_runs`: a backup is being made whose rows may name it.
 * - `refused`: an Object Lock keeps it, or a policy of the bucket.
 */
export type FileOutcome = 'destroyed' | 'held' | Keeper | 'refused'

export type FileSettled = { file: DisposedFile } & ({ outcome: FileOutcome } | { outcome: 'failed'; error: unknown })

export type Destruction = {
  /** Of these alone; undefined: of all that was ever purged. */
  documentIds: DocumentId[] | undefined
  signal: AbortSignal
  onSettled: (settled: FileSettled) => void
}

const pageSize = 200
/** Each asks S3 a few times, and waits for most of them. */
const atOnce = 8

/**
 * Destroys for good what purges have left: on disk the file, on S3 every version that the bucket keeps. It waits for no
 * grace. It may be killed at any moment and run again; what is destroyed is noted one by one. False when it was told to
 * end before.
 */
export async function destroyFiles(
  needs: DestroyNeeds,
  { documentIds, signal, onSettled }: Destruction,
): Promise<boolean> {
  let isComplete = true
  await inTurns(walkDisposed(needs, documentIds), atOnce, async (file) => {
    if (signal.aborted) {
      isComplete = false
      return 'enough'
    }
    onSettled(await settle(needs, file))
    return 'next'
  })
  return isComplete
}

async function* walkDisposed(
  { db, stores }: DestroyNeeds,
  documentIds: DocumentId[] | undefined,
): AsyncGenerator<DisposedFile, undefined> {
  const reach = { localStoreId: stores.local.storeId, hasS3: stores.s3 !== undefined }
  let after: string | undefined
  do {
    const page = await listDisposedFiles(db, reach, { which: 'all', documentIds, after, limit: pageSize })
    yield* page
    after = page.length < pageSize ? undefined : page.at(-1)?.id
  } while (after !== undefined)
  return undefined
}

async function settle(needs: DestroyNeeds, file: DisposedFile): Promise<FileSettled> {
  try {
    const outcome = file.isHeld ? 'held' : await destroy(needs, file)
    if (outcome === 'destroyed')
      await noteDisposed(needs.db, file, { removed: 'destroyed', at: needs.now(), noncurrentDays: undefined })
    return { file, outcome }
  } catch (error) {
    if (isLackOfRight(error)) throw error
    return { file, outcome: 'failed', error }
  }
}

async function destroy({ db, stores }: DestroyNeeds, file: DisposedFile): Promise<FileOutcome> {
  const keeper = file.isQuarantined ? undefined : await findWhatKeeps(db, file, null)
  if (keeper !== undefined) return keeper
  if (file.store === 's3') {
    if (stores.s3 === undefined) throw storeUnavailable()
    return stores.s3.versions.destroy(file.key)
  }
  if (file.isQuarantined) await filesHere(stores, file).quarantine.remove(file.key)
  else await storeHolding(stores, file).remove(file.key)
  return 'destroyed'
}
