import { ListObjectsV2Command } from '@aws-sdk/client-s3'

import { ownerFileName } from './owner-file.ts'
import { callS3, type S3Reach } from './s3-operation.ts'
import { testKey } from './connection-test/connection-step.ts'

const ofNoPaper = new Set([ownerFileName, testKey])

/** The key of something that lies in a bucket, whoever put it there, beside what says whose it is and what a test left. */
export async function findInBucket(reach: S3Reach): Promise<string | undefined> {
  // One more than may be there.
  const command = new ListObjectsV2Command({ Bucket: reach.bucket, MaxKeys: ofNoPaper.size + 1 })
  const { Contents = [] } = await callS3(reach, { operation: 'list_objects' }, (options) =>
    reach.client.send(command, options),
  )
  return Contents.map(({ Key = '' }) => Key).find((key) => !ofNoPaper.has(key))
}
