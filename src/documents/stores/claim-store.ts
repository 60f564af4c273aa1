import type { Logger } from 'pino'

import type { EventActor } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import { markMissingOrCorrupt, type FaultyState } from '../../database/documents/missing-and-corrupt.ts'
import { sampleKeys } from '../../database/documents/versions-in-store.ts'
import { findInstallationId } from '../../database/schema/installation.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { ReachableStore, Stores } from './stores.ts'

/** `other`: another installation. `none`: no installation has claimed the store, and nothing shows that it is ours. */
export type Owner = 'own' | 'other' | 'none'

type Needs = { db: Db; stores: Stores }

/**
 * The owner of a store. A store without one becomes ours if new files go there first, or if it has files of ours. A bucket
 * without our files may be the wrong one and stays unclaimed. Throws if the store could not be asked.
 */
export async function claimStore(needs: Needs, here: ReachableStore): Promise<Owner> {
  const { ownership } = here.files
  const ourId = await findInstallationId(needs.db)
  const owner =
    (await ownership.find()) ?? ((await shouldClaim(needs, here)) ? await ownership.claim(ourId) : undefined)
  if (owner === undefined) return 'none'
  return owner === ourId ? 'own' : 'other'
}

/** A store may have lost some files without being the wrong one. */
const keysToTry = 20

async function shouldClaim({ db, stores }: Needs, { store, files }: ReachableStore): Promise<boolean> {
  if (store === 'local') return true
  const ours = await sampleKeys(db, { store, isPlatforms: false, limit: keysToTry })
  const keys = [...ours, ...(await sampleKeys(db, { store, isPlatforms: true, limit: keysToTry }))]
  return keys.length === 0 ? stores.preferred === 's3' : hasAnyKey(files, keys)
}

async function hasAnyKey(files: FileStore, keys: Parameters<FileStore['stat']>[0][]): Promise<boolean> {
  // A row of the platform may have a name that is no key.
  for (const key of keys.filter(isReadableKey)) if ((await files.stat(key)) !== undefined) return true
  return false
}

/**
 * Stops using S3 until a restart if nothing in the bucket shows that it is ours. Files stored there would be missing after
 * AWS_S3_BUCKET is corrected. Throws if the bucket could not be asked.
 */
export async function disableWrongBucket({ db, stores }: Needs): Promise<void> {
  const { s3 } = stores
  if (s3 === undefined || s3.outage() !== undefined) return
  if (await isWrongBucket(db, s3)) s3.reportOutage('not_ours', 'NotOurs')
}

/** Whether rows name files in this bucket, it has none of them, and another owner or none. The platform's rows do not count. */
async function isWrongBucket(db: Db, s3: GuardedS3): Promise<boolean> {
  const keys = await sampleKeys(db, { store: 's3', isPlatforms: false, limit: keysToTry })
  if (keys.length === 0 || (await s3.ownership.find()) === (await findInstallationId(db))) return false
  return !(await hasAnyKey(s3, keys))
}

export type ReportNeeds = Needs & { log: Logger; metrics: Pick<Metrics, 'damagedVersions'> }

export const notOurBucket =
  'nothing in this bucket shows that it is ours: AWS_S3_BUCKET names the wrong bucket, or it was emptied'

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
async function assertOurs(needs: Needs, { store }: BlobLocation): Promise<void> {
  const { s3 } = needs.stores
  if (store !== 's3' || s3 === undefined) return
  if ((await claimStore(needs, { store: 's3', storeId: null, files: s3 })) !== 'own')
    throw new StoreError('unavailable', notOurBucket)
}
