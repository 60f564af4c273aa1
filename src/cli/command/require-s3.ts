import type { Config } from '../../config/config.ts'
import type { Db } from '../../database/connection/client.ts'
import { countDisposedBlobs } from '../../database/purge/disposals.ts'
import type { PurgeScope } from '../../database/purge/trash-retention.ts'
import { hasVersionsIn } from '../../database/documents/versions-in-store.ts'
import { claimStore, disableWrongBucket, notOurBucket } from '../../documents/stores/claim-store.ts'
import { type Stores, storeUnavailable } from '../../documents/stores/stores.ts'
import { AppError } from '../../errors/app-error.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import { findS3Trouble } from '../../storage/connection-test/find-bucket.ts'

type Needs = { config: Config; db: Db; stores: Stores; signal: AbortSignal }

/** For a command that is in vain without S3. Throws `store_unavailable`, with what is wrong and what to do, when the bucket cannot be used or is not ours; the signal's reason when that aborts first. */
export async function requireS3(needs: Needs): Promise<void> {
  const trouble = await untilAborted(findS3Trouble(needs.config.s3), needs.signal)
  if (trouble !== undefined)
    throw new AppError('store_unavailable', `S3 cannot be used: ${trouble.message}. ${trouble.advice}`)
  await untilAborted(disableWrongBucket(needs), needs.signal)
  if (needs.stores.s3?.outage()?.trouble === 'not_ours') throw wrongBucketError()
}

function wrongBucketError(): AppError {
  return new AppError(
    'store_unavailable',
    `Papers lie on S3, but ${notOurBucket}. Correct AWS_S3_BUCKET and run this again.`,
  )
}

/**
 * Before anything is destroyed for good: where bytes may lie on S3, it is there, the bucket is ours, and the credentials
 * may list and destroy versions. Throws with what is wrong and what to do; nothing was changed by then.
 */
export async function requireDestruction(needs: Needs, { documentIds }: PurgeScope): Promise<void> {
  const left = await countDisposedBlobs(needs.db, documentIds)
  const isOnS3 =
    left.some(({ store, storeId }) => store === 's3' && storeId === null) || (await hasVersionsIn(needs.db, 's3'))
  if (!isOnS3) return
  await requireS3(needs)
  const { s3 } = needs.stores
  if (s3 === undefined) throw storeUnavailable()
  const owner = await untilAborted(claimStore(needs, { store: 's3', storeId: null, files: s3 }), needs.signal)
  if (owner !== 'ours') throw wrongBucketError()

  const right = await untilAborted(s3.versions.findMissingRight(), needs.signal)
  if (right === undefined) return
  throw new AppError(
    'forbidden',
    `These credentials lack the right ${right}, without which nothing on S3 can be destroyed for good; nothing was changed. The service’s own have it not, on purpose: give what deploy/policies/purge-now.json says, s3:ListBucketVersions (on the bucket) and s3:DeleteObjectVersion (on its objects), to a role of the operator’s, and run this with that role’s credentials (AWS_ACCESS_KEY_ID, or AWS_PROFILE with the key taken out of .env).`,
  )
}
