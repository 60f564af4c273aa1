import type { Config } from '../config.ts'
import type { Db } from '../database/client.ts'
import { leaveWrongBucket, notOurBucket } from '../documents/claim-store.ts'
import type { Stores } from '../documents/stores.ts'
import { AppError } from '../errors.ts'
import { findS3Trouble } from '../storage/connection-test/find-bucket.ts'
import { untilAborted } from '../storage/read-as-it-grows.ts'

type Needs = { config: Config; db: Db; stores: Stores; signal: AbortSignal }

/** For a command that is in vain without S3. Throws `store_unavailable`, with what is wrong and what to do, when the bucket cannot be used or is not ours; the signal's reason when that aborts first. */
export async function requireS3(needs: Needs): Promise<void> {
  const trouble = await untilAborted(findS3Trouble(needs.config.s3), needs.signal)
  if (trouble !== undefined)
    throw new AppError('store_unavailable', `S3 cannot be used: ${trouble.says}. ${trouble.advice}`)
  await untilAborted(leaveWrongBucket(needs), needs.signal)
  if (needs.stores.s3?.outage()?.trouble === 'not_ours')
    throw new AppError(
      'store_unavailable',
      `Papers lie on S3, but ${notOurBucket}. Correct AWS_S3_BUCKET and run this again.`,
    )
}
