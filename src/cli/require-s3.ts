import type { Config } from '../config.ts'
import type { Db } from '../database/client.ts'
import { leaveWrongBucket } from '../documents/leave-wrong-bucket.ts'
import { notOurBucket } from '../documents/report-wrong-bytes.ts'
import type { Stores } from '../documents/stores.ts'
import { AppError } from '../errors.ts'
import { findS3Trouble } from '../storage/connection-test/find-s3-trouble.ts'

type Needs = { config: Config; db: Db; stores: Stores }

/** For a command that is in vain without S3. Throws `store_unavailable`, with what is wrong and what to do, when the bucket cannot be reached or is not ours. */
export async function requireS3(needs: Needs): Promise<void> {
  const trouble = await findS3Trouble(needs.config.s3)
  if (trouble !== undefined)
    throw new AppError('store_unavailable', `S3 cannot be reached: ${trouble.says}. ${trouble.advice}`)
  await leaveWrongBucket(needs)
  if (needs.stores.s3?.outage()?.trouble === 'not_ours')
    throw new AppError('store_unavailable', `Papers lie on S3, but ${notOurBucket}. Correct it and run this again.`)
}
