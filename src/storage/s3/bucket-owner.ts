import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'

import { unlessMissing } from '../file-store.ts'
import { formatOwner, ownerFileName, type Ownership, parseOwner } from '../owner-file.ts'
import { testKey } from '../storage-key.ts'
import { callS3, incompleteAnswer, type S3Context, S3Error } from './requests/s3-operation.ts'
import { listS3Pages } from './s3-objects.ts'

/** The owner of a bucket. If several installations claim it at once, one succeeds. */
export function createBucketOwnership(context: S3Context): Ownership {
  return {
    find: () => findOwner(context),
    async claim(installationId) {
      const found = await findOwner(context)
      if (found !== undefined) return found
      await putOwner(context, installationId)
      const owner = await findOwner(context)
      if (owner === undefined) throw incompleteAnswer('get_object')
      return owner
    },
  }
}

async function findOwner(context: S3Context): Promise<string | undefined> {
  const command = new GetObjectCommand({ Bucket: context.bucket, Key: ownerFileName })
  const answer = await unlessMissing(callS3(context, { operation: 'get_object', key: ownerFileName }, command))
  return answer && parseOwner((await answer.Body?.transformToString()) ?? '')
}

async function putOwner(context: S3Context, installationId: string): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: context.bucket,
    Key: ownerFileName,
    Body: formatOwner(installationId),
    ContentType: 'application/json',
    IfNoneMatch: '*',
  })
  try {
    await callS3(context, { operation: 'put_object', key: ownerFileName }, command)
  } catch (error) {
    // Another instance or installation was faster.
    if (!(error instanceof S3Error) || error.code !== 'key_taken') throw error
  }
}

const ignoredKeys = new Set([ownerFileName, testKey])

/** The key of any object except the owner file and the object of the connection test. */
export async function findAnyObject(context: S3Context): Promise<string | undefined> {
  // In a versioned bucket S3 also counts deleted objects, so a page may be empty before the last one.
  for await (const { Contents = [] } of listS3Pages(context, { MaxKeys: ignoredKeys.size + 1 })) {
    const found = Contents.map(({ Key = '' }) => Key).find((key) => !ignoredKeys.has(key))
    if (found !== undefined) return found
  }
  return undefined
}
