import { DeleteObjectCommand } from '@aws-sdk/client-s3'

import type { QuarantineKey, StorageKey } from '../vocabulary.ts'
import type { Removed } from './file-store.ts'
import { callS3, type S3Reach } from './s3-operation.ts'

/** Removing an absent key succeeds. In a versioned bucket the answer tells of the marker that now hides the object. */
export async function removeS3Object(reach: S3Reach, key: StorageKey | QuarantineKey): Promise<Removed> {
  const command = new DeleteObjectCommand({ Bucket: reach.bucket, Key: key })
  const { DeleteMarker } = await callS3(reach, { operation: 'delete_object', key }, (options) =>
    reach.client.send(command, options),
  )
  return DeleteMarker === true ? 'hidden' : 'destroyed'
}
