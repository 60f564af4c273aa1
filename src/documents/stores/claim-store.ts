import type { Db } from '../../database/connection/client.ts'
import { sampleKeys } from '../../database/documents/versions-in-store.ts'
import { findInstallationId } from '../../database/schema/installation.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { ReachableStore, Stores } from './reachable-stores.ts'

/** `other`: another installation. `none`: no installation has claimed the store, and nothing shows that it is ours. */
export type Owner = 'own' | 'other' | 'none'

export type ClaimStoreNeeds = { db: Db; stores: Stores }

/**
 * The owner of a store. A store without one becomes ours if new files go there first, or if it has files of ours. A bucket
 * without our files may be the wrong one and stays unclaimed. Throws if the store could not be asked.
 */
export async function claimStore(needs: ClaimStoreNeeds, here: ReachableStore): Promise<Owner> {
  const { ownership } = here.files
  const ourId = await findInstallationId(needs.db)
  const owner =
    (await ownership.find()) ?? ((await shouldClaim(needs, here)) ? await ownership.claim(ourId) : undefined)
  if (owner === undefined) return 'none'
  return owner === ourId ? 'own' : 'other'
}

/** A store may have lost some files without being the wrong one. */
const keysToTry = 20

async function shouldClaim({ db, stores }: ClaimStoreNeeds, { store, files }: ReachableStore): Promise<boolean> {
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
export async function disableWrongBucket({ db, stores }: ClaimStoreNeeds): Promise<void> {
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

export const notOurBucket =
  'nothing in this bucket shows that it is ours: AWS_S3_BUCKET names the wrong bucket, or it was emptied'
