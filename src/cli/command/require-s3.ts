import type { Config, S3Config } from '../../config/load-config.ts'
import type { Db } from '../../database/connection/client.ts'
import { countDisposedBlobs } from '../../database/purge/disposals.ts'
import type { PurgeScope } from '../../database/purge/purge-candidates.ts'
import { hasVersionsIn } from '../../database/documents/versions-in-store.ts'
import { claimStore, disableWrongBucket, notOurBucket } from '../../documents/stores/claim-store.ts'
import { type Stores, storeUnavailable } from '../../documents/stores/reachable-stores.ts'
import { AppError } from '../../errors/app-error.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import { findS3Trouble } from '../../storage/connection-test/find-bucket.ts'
import { explainS3Failure } from '../printing/explain-s3-failure.ts'

type Needs = { config: Config; db: Db; stores: Stores; signal: AbortSignal }

/**
 * For a command that cannot work without S3. Throws `store_unavailable`, with the cause and what to do, when the bucket
 * cannot be used or belongs to another installation; throws the signal's reason when that aborts first.
 */
export async function requireS3(needs: Needs): Promise<void> {
  await requireReachable(needs.config.s3, needs.signal)
  await untilAborted(disableWrongBucket(needs), needs.signal)
  if (needs.stores.s3?.outage()?.trouble === 'not_ours') throw wrongBucketError()
}

/** Throws `store_unavailable`, with the cause and what to do, when the bucket cannot be used. */
export async function requireReachable(config: S3Config, signal: AbortSignal): Promise<void> {
  const trouble = await untilAborted(findS3Trouble(config), signal)
  if (trouble === undefined) return
  const { message, advice } = explainS3Failure(trouble)
  throw new AppError('store_unavailable', `S3 cannot be used: ${message}. ${advice}`)
}

function wrongBucketError(): AppError {
  return new AppError(
    'store_unavailable',
    `Documents are on S3, but ${notOurBucket}. Correct AWS_S3_BUCKET and run this again.`,
  )
}

/**
 * Checks before anything is destroyed: if files may be on S3, then S3 answers, the bucket belongs to this installation,
 * and the credentials may list and destroy versions. Throws with the cause and what to do.
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
  if (owner !== 'own') throw wrongBucketError()

  const right = await untilAborted(s3.versions.findMissingRight(), needs.signal)
  if (right === undefined) return
  throw new AppError(
    'forbidden',
    `These credentials lack the permission ${right}, which destroying files on S3 needs. Nothing was changed. The service’s credentials lack it on purpose. Grant a role of an operator the policy deploy/policies/purge-now.json: s3:ListBucketVersions on the bucket and s3:DeleteObjectVersion on its objects. Run this with the credentials of that role (AWS_ACCESS_KEY_ID, or AWS_PROFILE with the key removed from .env).`,
  )
}
