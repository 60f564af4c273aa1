import { randomBytes } from 'node:crypto'

import { onTestFinished } from 'vitest'

import { type FreshBucket, freshBucket } from '../s3/fresh-bucket.ts'
import { testServices } from '../services/packages/test-services.ts'
import type { Settings } from './run-command.ts'

/** Settings with which a command uses the test run's store with all permissions. */
export function s3Settings(bucket: string, more: Settings = {}): Settings {
  const { endpoint, region, owner } = testServices().s3
  return {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION_NAME: region,
    AWS_S3_BUCKET: bucket,
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
    ...(owner.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: owner.sessionToken }),
    ...more,
  }
}

/** A bucket that is removed when the test ends. */
export async function bucketForTest(): Promise<FreshBucket> {
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  return bucket
}

/** The name of a bucket that does not exist. */
export function newBucketName(): string {
  return `${testServices().s3.bucketPrefix}-${randomBytes(8).toString('hex')}`
}
