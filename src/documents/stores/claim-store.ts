import type { Logger } from 'pino'

import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { findInstallationId } from '../../database/schema/installation.ts'
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import { sampleKeys } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { ReachableStore, Stores } from './stores.ts'
import { markMissingOrCorrupt, type FaultyState } from '../../database/documents/missing-and-corrupt.ts'

/** `nobodys`: no installation has put its name there, and nothing shows that it is this one's. */
export type Owner = 'ours' | 'anothers' | 'nobodys'

type Needs = { db: Db; stores: Stores }

/**
 * Whose a store is. A store without an owner becomes ours if new files go there first, or if files of ours are there: a
 * bucket with none of them may be a wrong one. Throws when the store could not be asked.
 */
export async function claimStore(needs: Needs, here: ReachableStore): Promise<Owner> {
  const { ownership } = here.files
  const ourId = await findInstallationId(needs.db)
  const owner =
    (await ownership.find()) ?? ((await shouldClaim(needs, here)) ? await ownership.claim(ourId) : undefined)
  if (owner === undefined) return 'nobodys'
  return owner === ourId ? 'ours' : 'anothers'
}

/** Whether rows name files in this bucket, none is there, and its owner's file is not ours. Platform rows do not count. */
async function isWrongBucket(db: Db, s3: GuardedS3): Promise<boolean> {
  const keys = await sampleKeys(db, { store: 's3', isPlatforms: false, limit: keysToTry })
  if (keys.length === 0 || (await s3.ownership.find()) === (await findInstallationId(db))) return false
  return !(await hasAnyKey(s3, keys))
}

/** Some may be lost without the store being a wrong one. */
const keysToTry = 20

async function shouldClaim({ db, stores }: Needs, { store, files }: ReachableStore): Promise<boolean> {
  if (store === 'local') return true
  const ours = await sampleKeys(db, { store, isPlatforms: false, limit: keysToTry })
  const keys = [...ours, ...(await sampleKeys(db, { store, isPlatforms: true, limit: keysToTry }))]
  return keys.length === 0 ? stores.preferred === 's3' : hasAnyKey(files, keys)
}

async function hasAnyKey(files: FileStore, keys: Parameters<FileStore['stat']>[0][]): Promise<boolean> {
  // A row of the platform's may name what is no key at all.
  for (const key of keys.filter(isReadableKey)) if ((await files.stat(key)) !== undefined) return true
  return false
}

/**
 * Takes S3 out until a restart if nothing in the bucket shows that it is ours: what went there would be missing once
 * AWS_S3_BUCKET is correct. Throws when the bucket could not be asked.
 */
export async function disableWrongBucket({ db, stores }: { db: Db; stores: Stores }): Promise<void> {
  const { s3 } = stores
  if (s3 === undefined || s3.outage() !== undefined) return
  if (await isWrongBucket(db, s3)) s3.reportOutage('not_ours', 'NotOurs')
}

export type ReportNeeds = { db: Db; stores: Stores; log: Logger; metrics: Pick<Metrics, 'damagedVersions'> }

/** What is not in a bucket that is not ours was not lost there. */
export const notOurBucket =
  'nothing in this bucket shows that it is ours: AWS_S3_BUCKET names a wrong one, or it was emptied'

/**
 * Marks each version of bytes that a store reported missing or corrupt: it answers `gone` from now on, and alarms once.
 * False when no version names these bytes any more. Throws a `StoreError`, and marks nothing, in a bucket that is not ours.
 */
export async function reportDamaged(
  { db, stores, log, metrics }: ReportNeeds,
  actor: EventActor,
  place: BlobLocation,
  state: FaultyState,
): Promise<boolean> {
  await assertOurs({ db, stores }, place)
  const versions = await markMissingOrCorrupt(db, actor, place, state)
  for (const { firmId, documentId, version } of versions.filter(({ isMarkedNow }) => isMarkedNow)) {
    metrics.damagedVersions.inc({ state })
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
async function assertOurs(needs: Pick<ReportNeeds, 'db' | 'stores'>, place: BlobLocation): Promise<void> {
  const { s3 } = needs.stores
  if (place.store !== 's3' || s3 === undefined) return
  if ((await claimStore(needs, { store: 's3', storeId: null, files: s3 })) !== 'ours')
    throw new StoreError('unavailable', notOurBucket)
}
