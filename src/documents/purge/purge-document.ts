import type { Db } from '../../database/client.ts'
import { disposeDocument, listDisklessFiles } from '../../database/disposals.ts'
import type { EventActor } from '../../database/events.ts'
import { holdFirmStill } from '../../database/holds.ts'
import { inTransaction } from '../../database/in-transaction.ts'
import { holdDocument } from '../../database/lock-document.ts'
import { findPurgeState, type PurgeCandidate, type PurgeState, type PurgeTimes } from '../../database/purgeable.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { Stores } from '../stores.ts'

export type PurgeNeeds = { db: Db; stores: Stores }

export type PurgeWish = {
  times: PurgeTimes
  why: string
  /** Who destroys it, for the record. */
  by: string
  /** From when its bytes may go. */
  dueAt: Date
}

/** `purged`, or what stands before it. `not_here`: a file whose row names no disk, as the platform's, is not on this one. */
export type PurgeOutcome = 'purged' | 'not_here' | 'missing' | Exclude<PurgeState, 'due'>

/**
 * Destroys one document that nothing keeps any longer: its rows, in one transaction with the record of it and the names
 * of its bytes, which go later. Whatever stands before it is looked at once more in that transaction.
 */
export async function purgeDocument(
  needs: PurgeNeeds,
  actor: EventActor,
  document: Pick<PurgeCandidate, 'firmId' | 'documentId'>,
  { times, why, by, dueAt }: PurgeWish,
): Promise<PurgeOutcome> {
  const { local } = needs.stores
  for (const key of await listDisklessFiles(needs.db, document))
    if (isReadableKey(key) && (await local.stat(key)) === undefined) return 'not_here'

  return inTransaction(needs.db, async (trx) => {
    await holdFirmStill(trx, document.firmId, 'shared')
    await holdDocument(trx, document)
    const state = await findPurgeState(trx, document, times)
    if (state !== 'due') return state ?? 'missing'
    await disposeDocument(trx, actor, document, { why, by, dueAt, localStoreId: local.storeId })
    return 'purged'
  })
}
