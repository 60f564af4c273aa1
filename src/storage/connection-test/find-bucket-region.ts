import { HeadBucketCommand } from '@aws-sdk/client-s3'

import type { S3Config } from '../../config.ts'
import { makeS3Client, type S3Patience } from '../s3-client.ts'
import { watchAnswers } from './watch-answers.ts'

const patience: S3Patience = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

/** The region that the bucket is in, where the store says so: Amazon does also when it refuses, or sends elsewhere. */
export async function findBucketRegion(config: S3Config): Promise<string | undefined> {
  const client = makeS3Client({ config, log: { warn: () => undefined }, patience })
  const seen = watchAnswers(client)
  try {
    await client.send(new HeadBucketCommand({ Bucket: config.bucket }))
  } catch {
    // What is wrong is said by whoever then uses the bucket; here the headers alone count.
  } finally {
    client.destroy()
  }
  return seen.bucketRegion
}
