import { CopyObjectCommand } from '@aws-sdk/client-s3'

import type { QuarantineKey, StorageKey } from '../vocabulary.ts'
import { type Quarantine, StoreError, unlessMissing } from './file-store.ts'
import { headS3Object, readS3Object } from './s3-objects.ts'
import { removeS3Object } from './remove-s3-object.ts'
import { callS3, type S3Reach } from './s3-operation.ts'
import { requireQuarantineKey, requireReadableKey } from './storage-key.ts'

export function s3Quarantine(reach: S3Reach): Quarantine {
  return {
    take: async (from, to) => copyObject(reach, requireReadableKey(from), requireQuarantineKey(to)),
    read: async (key) => readS3Object(reach, requireQuarantineKey(key)),
    remove: async (key) => removeS3Object(reach, requireQuarantineKey(key)),
  }
}

/** Inside the bucket, so that what the object says of itself (whose it is, its name) comes along. */
async function copyObject(reach: S3Reach, from: StorageKey, to: QuarantineKey): Promise<void> {
  const { ContentLength: bytes = 0 } = await headS3Object(reach, from)
  // Not every store heeds If-None-Match on a copy.
  if ((await unlessMissing(headS3Object(reach, to))) !== undefined)
    throw new StoreError('key_taken', 'S3 has an object under this key already.')
  const command = new CopyObjectCommand({
    Bucket: reach.bucket,
    Key: to,
    CopySource: `${reach.bucket}/${from}`,
    IfNoneMatch: '*',
  })
  await callS3(reach, { operation: 'copy_object', key: to, bytes }, command)
}
