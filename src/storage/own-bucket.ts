import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'

import { ownerFileName, type Ownership, readOwner, writeOwner } from './owner-file.ts'
import { callS3, noSuchAnswer, S3Error, type S3Reach } from './s3-operation.ts'

const key = ownerFileName

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
  const command = new GetObjectCommand({ Bucket: reach.bucket, Key: key })
  try {
    const answer = await callS3(reach, { operation: 'get_object', key }, (options) =>
      reach.client.send(command, options),
    )
    return readOwner((await answer.Body?.transformToString()) ?? '')
  } catch (error) {
    if (error instanceof S3Error && error.code === 'bytes_missing') return undefined
    throw error
  }
}

async function putOwner(reach: S3Reach, installationId: string): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: reach.bucket,
    Key: key,
    Body: writeOwner(installationId),
    ContentType: 'application/json',
    IfNoneMatch: '*',
  })
  try {
    await callS3(reach, { operation: 'put_object', key }, (options) => reach.client.send(command, options))
  } catch (error) {
    // Another instance, or another installation, was first.
    if (!(error instanceof S3Error) || error.code !== 'key_taken') throw error
  }
}
