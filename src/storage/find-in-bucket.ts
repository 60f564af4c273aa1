import { ListObjectsV2Command } from '@aws-sdk/client-s3'

import { ownerFileName } from './owner-file.ts'
import { callS3, type S3Reach } from './s3-operation.ts'
import { testKey } from './connection-test/connection-step.ts'

const ofNoPaper = new Set([ownerFileName, testKey])

/** The key of something that lies in a bucket, whoever put it there, beside what says whose it is and what a test left. */
export async function findInBucket(reach: S3Reach): Promise<string | undefined> {
  let next: string | undefined
  do {
    const command = new ListObjectsV2Command({
      Bucket: reach.bucket,
      // One more than may be there.
      MaxKeys: ofNoPaper.size + 1,
      ...(next !== undefined && { ContinuationToken: next }),
    })
    const page = await callS3(reach, { operation: 'list_objects' }, (options) => reach.client.send(command, options))
    const found = (page.Contents ?? []).map(({ Key = '' }) => Key).find((key) => !ofNoPaper.has(key))
    if (found !== undefined) return found
    // A page may have less than there is, and even nothing: what was deleted in a bucket with versions is counted too.
    next = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (next !== undefined)
  return undefined
}
