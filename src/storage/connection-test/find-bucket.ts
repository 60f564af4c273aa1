import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/load-config.ts'
import { diagnoseS3, type S3Diagnosis, watchResponses } from '../s3/diagnosis/diagnose-s3.ts'
import { findCredentials } from '../s3/diagnosis/find-credentials.ts'
import { isAmazon, type S3Timeouts, withS3Client } from '../s3/requests/retrying-s3-client.ts'
import { s3FailureOf } from '../s3/requests/s3-errors.ts'
import type { ConnectionStep, ConnectionTest, Finding } from './connection-step.ts'

export const checkCredentials: ConnectionStep = {
  step: 'credentials',
  after: [],
  right: '',
  async run({ client, config }) {
    const credentials = await findCredentials(client, config)
    return { outcome: credentials.isFound ? 'ok' : 'failed', kind: 'credentials', credentials }
  },
}

/** Checks that the bucket exists, and creates it if not. */
export const findBucket: ConnectionStep = {
  step: 'bucket',
  after: ['credentials'],
  right: 's3:ListBucket',
  async run(test) {
    try {
      await listOne(test)
      return { outcome: 'ok', kind: 'bucket_exists' }
    } catch (error) {
      const { s3Code } = s3FailureOf(error)
      if (s3Code === 'NoSuchBucket') return await createBucket(test)
      if (s3Code !== 'AccessDenied') throw error
      return { outcome: 'note', kind: 'bucket_not_listed' }
    }
  },
}

async function createBucket(test: ConnectionTest): Promise<Finding> {
  const { bucket: Bucket, region } = test.config
  // Amazon rejects us-east-1 as a constraint. It is the default. The SDK's list of regions may be outdated.
  const LocationConstraint = region === 'us-east-1' ? undefined : (region as BucketLocationConstraint)
  try {
    await test.client.send(
      new CreateBucketCommand({
        Bucket,
        ...(LocationConstraint && { CreateBucketConfiguration: { LocationConstraint } }),
      }),
    )
    return { outcome: 'ok', kind: 'bucket_created' }
  } catch (error) {
    const failure = diagnoseS3(error, { ...test, right: 's3:CreateBucket' })
    return { outcome: 'failed', kind: 'bucket_not_created', failure }
  }
}

// S3 rejects requests after 15 minutes, but the lifetime of links is wrong much earlier.
const maxClockOffsetMs = 60_000

/** Compares this machine's clock with the one in S3's answers. */
export const checkClock: ConnectionStep = {
  step: 'clock',
  after: ['credentials'],
  right: '',
  async run({ seen: { clockAheadMs: aheadMs } }) {
    if (aheadMs === undefined) return { outcome: 'skipped', kind: 'clock_unknown' }
    return Math.abs(aheadMs) > maxClockOffsetMs ? { outcome: 'failed', kind: 'clock_wrong', aheadMs } : undefined
  },
}

export const listBucket: ConnectionStep = {
  step: 'list',
  after: ['bucket'],
  right: 's3:ListBucket',
  run: listOne,
}

// Lists instead of HeadBucket, because the answer to a HEAD has no body with the reason of a failure.
async function listOne({ client, config }: Pick<ConnectionTest, 'client' | 'config'>): Promise<undefined> {
  await client.send(new ListObjectsV2Command({ Bucket: config.bucket, MaxKeys: 1 }))
}

/** The start of the service waits for these. */
const startTimeouts: S3Timeouts = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

/** Lists the bucket once and changes nothing. Returns undefined on success, else the facts about the failure. */
export async function findS3Trouble(config: S3Config): Promise<S3Diagnosis | undefined> {
  return withS3Client({ config, timeouts: startTimeouts }, async (client) => {
    const seen = watchResponses(client)
    try {
      return await listOne({ client, config })
    } catch (error) {
      return diagnoseS3(error, { config, seen, right: 's3:ListBucket' })
    }
  })
}

/** The bucket's region, if the store names it. Amazon does, even in error answers. */
export async function findBucketRegion(config: S3Config): Promise<string | undefined> {
  return withS3Client({ config, timeouts: startTimeouts }, async (client) => {
    const seen = watchResponses(client)
    // Only the headers matter here. The next use of the bucket reports an error.
    await client.send(new HeadBucketCommand({ Bucket: config.bucket })).catch(() => undefined)
    return seen.bucketRegion
  })
}

/** For a bucket that may be in another region, such as a bucket for backups. Other stores use the region of the settings. */
export async function withBucketRegion(s3: S3Config, find = findBucketRegion): Promise<S3Config> {
  return isAmazon(s3) ? { ...s3, region: (await find(s3)) ?? s3.region } : s3
}
