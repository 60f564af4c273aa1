import type { Logger } from 'pino'

import type { EventActor } from '../../database/audit/events.ts'
import { type FaultyState, markMissingOrCorrupt } from '../../database/documents/missing-and-corrupt.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { StoreError } from '../../storage/file-store.ts'
import { claimStore, type ClaimStoreNeeds, notOurBucket } from './claim-store.ts'

export type ReportNeeds = ClaimStoreNeeds & { log: Logger; metrics: Pick<Metrics, 'damagedVersions'> }

/**
 * Marks each version with a blob that a store reported missing or corrupt: it answers `gone` from now on, and alarms once.
 * False if no version names the blob any more. Throws a `StoreError`, and marks nothing, in a bucket that is not ours:
 * files that are not in the wrong bucket are not lost.
 */
export async function reportDamaged(
  { db, stores, log, metrics }: ReportNeeds,
  actor: EventActor,
  location: BlobLocation,
  state: FaultyState,
): Promise<boolean> {
  await assertOurs({ db, stores }, location)
  const { store, storeId, key } = location
  const versions = await markMissingOrCorrupt(db, actor, location, state)
  for (const { firmId, documentId, version } of versions.filter(({ isMarkedNow }) => isMarkedNow)) {
    metrics.damagedVersions.inc({ state })
    const about = { firm_id: firmId, document_id: documentId, version, store, store_id: storeId, key }
    log.error(
      { event: `bytes_${state}`, ...about },
      state === 'missing' ? 'content of a document is missing' : 'content of a document differs from what was stored',
    )
  }
  return versions.length > 0
}

/** A disk is recognized by its id, so only S3 is checked. */
async function assertOurs(needs: ClaimStoreNeeds, { store }: BlobLocation): Promise<void> {
  const { s3 } = needs.stores
  if (store !== 's3' || s3 === undefined) return
  if ((await claimStore(needs, { store: 's3', storeId: null, files: s3 })) !== 'own')
    throw new StoreError('unavailable', notOurBucket)
}
