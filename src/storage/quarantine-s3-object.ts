import { CopyObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'

import type { QuarantineKey, StorageKey } from '../vocabulary.ts'
import { StoreError } from './file-store.ts'
import type { Quarantine } from './quarantine.ts'
import { readS3Object } from './read-s3-object.ts'
import { removeS3Object } from './remove-s3-object.ts'
import { callS3, S3Error, type S3Reach } from './s3-operation.ts'
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
  const bytes = await sizeOf(reach, from)
  // Not every store heeds If-None-Match on a copy.
  if (await exists(reach, to)) throw new StoreError('key_taken', 'S3 has an object under this key already.')
  const command = new CopyObjectCommand({
    Bucket: reach.bucket,
    Key: to,
    CopySource: `${reach.bucket}/${from}`,
    IfNoneMatch: '*',
  })
  await callS3(reach, { operation: 'copy_object', key: to, bytes }, (options) => reach.client.send(command, options))
}

async function exists(reach: S3Reach, key: QuarantineKey): Promise<boolean> {
  try {
    await sizeOf(reach, key)
    return true
  } catch (error) {
    if (error instanceof S3Error && error.code === 'bytes_missing') return false
    throw error
  }
}

async function sizeOf(reach: S3Reach, key: StorageKey | QuarantineKey): Promise<number> {
  const command = new HeadObjectCommand({ Bucket: reach.bucket, Key: key })
  const head = await callS3(reach, { operation: 'head_object', key }, (options) => reach.client.send(command, options))
  return head.ContentLength ?? 0
}
