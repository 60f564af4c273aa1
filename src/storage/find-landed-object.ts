import { createHash } from 'node:crypto'

import { HeadObjectCommand } from '@aws-sdk/client-s3'

import type { Sha256, StorageKey } from '../vocabulary.ts'
import type { StoredFile } from './file-store.ts'
import { readS3Object } from './read-s3-object.ts'
import { storedAs } from './s3-answers.ts'
import { callS3, S3Error, type S3Reach } from './s3-operation.ts'

type Bytes = { size: number; sha256: Sha256 }

/**
 * After a write that was told `key_taken` only when it was repeated: the first attempt may have succeeded and its
 * answer been lost. Then the object has these very bytes, and is the one that was to be written.
 */
export async function findLandedObject(
  reach: S3Reach,
  key: StorageKey,
  sent: Bytes,
  error: unknown,
): Promise<StoredFile | undefined> {
  const wasRepeated = error instanceof S3Error && error.code === 'key_taken' && error.failure.attempts > 1
  return wasRepeated ? findSameObject(reach, key, sent) : undefined
}

/** What lies under a key, if it has exactly these bytes. Throws when that cannot be learned. */
export async function findSameObject(reach: S3Reach, key: StorageKey, sent: Bytes): Promise<StoredFile | undefined> {
  const command = new HeadObjectCommand({ Bucket: reach.bucket, Key: key })
  const head = await callS3(reach, { operation: 'head_object', key }, (options) => reach.client.send(command, options))
  if (head.ContentLength !== sent.size) return undefined

  // Parts of a large file were sent before its hash was known: its object names none, and is read instead.
  const sha256 = head.Metadata?.['sha256'] ?? (await hashOf(reach, key))
  return sha256 === sent.sha256 ? { ...sent, ...storedAs(head) } : undefined
}

async function hashOf(reach: S3Reach, key: StorageKey): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await readS3Object(reach, key)) hash.update(chunk)
  return hash.digest('hex')
}
