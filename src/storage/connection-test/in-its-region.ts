import type { S3Config } from '../../config.ts'
import { isAmazon } from '../s3-client.ts'
import { findBucketRegion } from './find-bucket-region.ts'

/** For a bucket that may be far away, as one for backups best is. A store of one's own has the region of the settings, whatever it is called. */
export async function inItsRegion(s3: S3Config, find = findBucketRegion): Promise<S3Config> {
  return isAmazon(s3) ? { ...s3, region: (await find(s3)) ?? s3.region } : s3
}
