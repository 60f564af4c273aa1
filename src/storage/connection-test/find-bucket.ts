import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/config.ts'
import { isAmazon, openS3Client, type S3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import { type S3Failure, s3FailureOf } from '../s3/requests/s3-errors.ts'
import {
  type ConnectionStep,
  type ConnectionTest,
  type Finding,
  watchResponses,
} from '../s3/diagnosis/connection-step.ts'
import { explainS3Failure, type Explanation } from '../s3/diagnosis/explain-s3-failure.ts'

/** Checks that the bucket exists, and creates it if not. */
export const findBucket: ConnectionStep = {
  step: 'bucket',
  title: 'Bucket',
  after: ['credentials'],
  right: 's3:ListBucket',
  async run(test) {
    const { bucket } = test.config
    try {
      await listOne(test)
      return { outcome: 'ok', message: `Bucket ${bucket} exists` }
    } catch (error) {
      const { s3Code } = s3FailureOf(error)
      if (s3Code === 'NoSuchBucket') return await createBucket(test)
      if (s3Code !== 'AccessDenied') throw error
      return { outcome: 'note', message: `Bucket ${bucket} cannot be listed with these credentials, if it exists` }
    }
  },
}

export const listBucket: ConnectionStep = {
  step: 'list',
  title: 'List (s3:ListBucket)',
  after: ['bucket'],
  right: 's3:ListBucket',
  async run(test) {
    await listOne(test)
    return 'ok'
  },
}

// Lists instead of HeadBucket, because the answer to a HEAD has no body with the reason of a failure.
async function listOne({ client, config }: Pick<ConnectionTest, 'client' | 'config'>): Promise<void> {
  await client.send(new ListObjectsV2Command({ Bucket: config.bucket, MaxKeys: 1 }))
}

async function createBucket(test: ConnectionTest): Promise<Finding> {
  const { bucket, region } = test.config
  try {
    await test.client.send(new CreateBucketCommand({ Bucket: bucket, ...locationOf(region) }))
    return { outcome: 'ok', message: `Bucket ${bucket} did not exist and was created in ${region}` }
  } catch (error) {
    const { message, advice } = explainS3Failure(error, { ...test, right: 's3:CreateBucket' })
    return {
      outcome: 'failed',
      message: 'Bucket does not exist',
      advice: `${bucket} could not be created: ${message}. ${advice} Or create it in ${region} yourself, or set AWS_S3_BUCKET to one that exists.`,
    }
  }
}

// Amazon rejects us-east-1 as a constraint. It is the default.
function locationOf(region: string) {
  if (region === 'us-east-1') return {}
  // The SDK's list of regions may be outdated. The store checks the region.
  return { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }
}

/** The start of the service waits for these. */
const startTimeouts: S3Timeouts = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

/** An explanation for people, and the facts for the circuit breaker. */
export type S3TroubleFound = Explanation & Pick<S3Failure, 'trouble' | 's3Code'>

/** Lists the bucket once and changes nothing. Returns undefined on success, else an explanation. */
export async function findS3Trouble(config: S3Config): Promise<S3TroubleFound | undefined> {
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: startTimeouts })
  const seen = watchResponses(client)
  try {
    await listOne({ client, config })
    return undefined
  } catch (error) {
    const { trouble, s3Code } = s3FailureOf(error, { hasBody: true })
    return { ...explainS3Failure(error, { config, seen, right: 's3:ListBucket' }), trouble, s3Code }
  } finally {
    client.destroy()
  }
}

const timeouts: S3Timeouts = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

/** The bucket's region, if the store names it. Amazon does, even in error answers. */
export async function findBucketRegion(config: S3Config): Promise<string | undefined> {
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts })
  const seen = watchResponses(client)
  try {
    await client.send(new HeadBucketCommand({ Bucket: config.bucket }))
  } catch {
    // Only the headers matter here. The next use of the bucket reports the error.
  } finally {
    client.destroy()
  }
  return seen.bucketRegion
}

/** For a bucket that may be in another region, such as a bucket for backups. Other stores use the region of the settings. */
export async function withBucketRegion(s3: S3Config, find = findBucketRegion): Promise<S3Config> {
  return isAmazon(s3) ? { ...s3, region: (await find(s3)) ?? s3.region } : s3
}
