import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'

import { testKey } from './diagnosis/connection-step.ts'
import { ownerFileName, type Ownership, readOwner, writeOwner } from '../owner-file.ts'
import { unlessMissing } from '../file-store.ts'
import { listS3Pages } from './s3-objects.ts'
import { callS3, noSuchAnswer, S3Error, type S3Reach } from './requests/s3-operation.ts'

/** Whose a bucket is. Of several installations that claim it at once, one gets it. */
export function bucketOwnership(reach: S3Reach): Ownership {
  return {
    find: () => findOwner(reach),
    async claim(installationId) {
      const found = await findOwner(reach)
      if (found !== undefined) return found
      await putOwner(reach, installationId)
      const owner = await findOwner(reach)
      if (owner === undefined) throw noSuchAnswer('get_object')
      return owner
    },
  }
}

async function findOwner(reach: S3Reach): Promise<string | undefined> {
  const command = new GetObjectCommand({ Bucket: reach.bucket, Key: ownerFileName })
  const answer = await unlessMissing(callS3(reach, { operation: 'get_object', key: ownerFileName }, command))
  return answer && readOwner((await answer.Body?.transformToString()) ?? '')
}

async function putOwner(reach: S3Reach, installationId: string): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: reach.bucket,
    Key: ownerFileName,
    Body: writeOwner(installationId),
    ContentType: 'application/json',
    IfNoneMatch: '*',
  })
  try {
    await callS3(reach, { operation: 'put_object', key: ownerFileName }, command)
  } catch (error) {
    // Another instance, or another installation, was first.
    if (!(error instanceof S3Error) || error.code !== 'key_taken') throw error
  }
}

const ofNoPaper = new Set([ownerFileName, testKey])

/** The key of something that lies in a bucket, whoever put it there, beside what says whose it is and what a test left. */
export async function findInBucket(reach: S3Reach): Promise<string | undefined> {
  // A page may be empty before the last one: S3 also counts what was deleted in a versioned bucket.
  for await (const { Contents = [] } of listS3Pages(reach, { MaxKeys: ofNoPaper.size + 1 })) {
    const found = Contents.map(({ Key = '' }) => Key).find((key) => !ofNoPaper.has(key))
    if (found !== undefined) return found
  }
  return undefined
}
