import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { findS3Trouble } from '../storage/connection-test/find-s3-trouble.ts'

/** For a command that is in vain without S3. Throws `store_unavailable`, with what is wrong and what to do, when the bucket cannot be reached. */
export async function requireS3({ s3 }: Config): Promise<void> {
  const trouble = await findS3Trouble(s3)
  if (trouble !== undefined)
    throw new AppError('store_unavailable', `S3 cannot be reached: ${trouble.says}. ${trouble.advice}`)
}
