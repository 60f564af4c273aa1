import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import type { EventActor } from '../database/events.ts'
import { markWrongBytes, type WrongState } from '../database/mark-wrong-bytes.ts'
import type { Place } from '../database/places.ts'
import type { Metrics } from '../metrics.ts'
import { StoreError } from '../storage/file-store.ts'
import { claimStore } from './claim-store.ts'
import type { Stores } from './stores.ts'

export type ReportNeeds = { db: Db; stores: Stores; log: Logger; metrics: Pick<Metrics, 'wrongBytes'> }

/** What is not in a bucket that is not ours was not lost there. */
export const notOurBucket =
  'nothing in this bucket shows that it is ours: AWS_S3_BUCKET names a wrong one, or it was emptied'

/**
 * For whoever finds bytes missing or wrong: each version of them is marked, and answers `gone` from now on; the audit
 * trail, the log and a figure tell it once. Only for a store that was asked and answered. False when no version names
 * these bytes any more, so that nothing is lost. Throws a `StoreError`, and marks nothing, where the
 * bucket is not ours.
 */
export async function reportWrongBytes(
  { db, stores, log, metrics }: ReportNeeds,
  actor: EventActor,
  place: Place,
  state: WrongState,
): Promise<boolean> {
  await assertOurs({ db, stores }, place)
  const versions = await markWrongBytes(db, actor, place, state)
  for (const { firmId, documentId, version } of versions.filter(({ isMarkedNow }) => isMarkedNow)) {
    metrics.wrongBytes.inc({ state })
    log.error(
      {
        event: `bytes_${state}`,
        firm_id: firmId,
        document_id: documentId,
        version,
        store: place.store,
        store_id: place.storeId,
        key: place.key,
      },
      state === 'missing' ? 'the bytes of a document are missing' : 'the bytes of a document are not those stored',
    )
  }
  return versions.length > 0
}

/** A disk is known by its id already. */
async function assertOurs(needs: Pick<ReportNeeds, 'db' | 'stores'>, place: Place): Promise<void> {
  const { s3 } = needs.stores
  if (place.store !== 's3' || s3 === undefined) return
  if ((await claimStore(needs, { store: 's3', storeId: null, files: s3 })) !== 'ours')
    throw new StoreError('unavailable', notOurBucket)
}
