import { type BucketLocationConstraint, CreateBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'

import { s3FailureOf } from '../s3-errors.ts'
import type { ConnectionStep, ConnectionTest, Finding } from './connection-step.ts'
import { explainS3Failure } from './explain-s3-failure.ts'

/** Sees whether the bucket is there, and makes it when it is not. */
export const findBucket: ConnectionStep = {
  step: 'bucket',
  title: 'Bucket',
  after: ['credentials'],
  right: 's3:ListBucket',
  async run(test) {
    const { bucket } = test.config
    try {
      await listOne(test)
      return { outcome: 'ok', says: `Bucket ${bucket} exists` }
    } catch (error) {
      const { s3Code } = s3FailureOf(error)
      if (s3Code === 'NoSuchBucket') return await createBucket(test)
      if (s3Code !== 'AccessDenied') throw error
      return { outcome: 'note', says: `Bucket ${bucket} cannot be looked into with these credentials, if it exists` }
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

// A listing and not HeadBucket: the answer to a HEAD has no body that could say why it was refused.
export async function listOne({ client, config }: Pick<ConnectionTest, 'client' | 'config'>): Promise<void> {
  await client.send(new ListObjectsV2Command({ Bucket: config.bucket, MaxKeys: 1 }))
}

async function createBucket(test: ConnectionTest): Promise<Finding> {
  const { bucket, region } = test.config
  try {
    await test.client.send(new CreateBucketCommand({ Bucket: bucket, ...locationOf(region) }))
    return { outcome: 'ok', says: `Bucket ${bucket} did not exist and was made in ${region}` }
  } catch (error) {
    const { says, advice } = explainS3Failure(error, { ...test, right: 's3:CreateBucket' })
    return {
      outcome: 'failed',
      says: 'Bucket does not exist',
      advice: `${bucket} could not be made: ${says}. ${advice} Or make it in ${region} yourself, or set AWS_S3_BUCKET to one that exists.`,
    }
  }
}

// Amazon refuses its first region as a constraint; it is what no constraint means.
function locationOf(region: string) {
  if (region === 'us-east-1') return {}
  // The SDK's list of regions is as old as the SDK; the store decides what it knows.
  return { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }
}
