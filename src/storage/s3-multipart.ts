import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3'

import type { Sha256, StorageKey } from '../vocabulary.ts'
import { type IncomingFile, type StoredFile, StoreError } from './file-store.ts'
import { findSameObject } from './find-landed-object.ts'
import { storedAs } from './s3-answers.ts'
import { s3MetadataOf } from './s3-metadata.ts'
import { callS3, noSuchAnswer, S3Error, type S3Reach } from './s3-operation.ts'

export type MultipartUpload = { reach: S3Reach; key: StorageKey; id: string }

export async function openS3Upload(reach: S3Reach, key: StorageKey, file: IncomingFile): Promise<MultipartUpload> {
  const command = new CreateMultipartUploadCommand({
    Bucket: reach.bucket,
    Key: key,
    ContentType: file.contentType,
    CacheControl: 'private, no-store',
    StorageClass: 'STANDARD',
    Metadata: s3MetadataOf(file.labels),
    ...(reach.hasChecksums && { ChecksumAlgorithm: 'SHA256' }),
  })
  // Not cut by a signal: an upload whose id never arrived can be aborted by nobody, and stays until the bucket's rule
  // for unfinished uploads ends it.
  const { UploadId: id } = await callS3(reach, { operation: 'create_multipart', key }, (options) =>
    reach.client.send(command, options),
  )
  if (id === undefined) throw noSuchAnswer('create_multipart')
  return { reach, key, id }
}

type Whole = { size: number; sha256: Sha256 }

/** Makes the object of its parts. No signal cuts it: from here on only S3's answer says what became of the file. */
export async function completeS3Upload(
  upload: MultipartUpload,
  parts: CompletedPart[],
  whole: Whole,
): Promise<StoredFile> {
  const { reach, key, id } = upload
  await requireFreeKey(reach, key)
  const command = new CompleteMultipartUploadCommand({
    Bucket: reach.bucket,
    Key: key,
    UploadId: id,
    MultipartUpload: { Parts: parts },
    IfNoneMatch: '*',
  })
  try {
    const answer = await callS3(reach, { operation: 'complete_multipart', key, bytes: 0 }, (options) =>
      reach.client.send(command, options),
    )
    return { ...whole, ...storedAs(answer) }
  } catch (error) {
    const landed = mayHaveLanded(error) ? await findSameObject(reach, key, whole) : undefined
    if (landed) return landed
    throw error
  }
}

/** One that is gone already is as good as aborted. */
export async function abortS3Upload({ reach, key, id }: MultipartUpload): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: reach.bucket, Key: key, UploadId: id })
  try {
    await callS3(reach, { operation: 'abort_multipart', key }, (options) => reach.client.send(command, options))
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

// Not every store heeds If-None-Match on a completion, and then this look is all that keeps the first bytes.
async function requireFreeKey(reach: S3Reach, key: StorageKey): Promise<void> {
  const command = new HeadObjectCommand({ Bucket: reach.bucket, Key: key })
  try {
    await callS3(reach, { operation: 'head_object', key }, (options) => reach.client.send(command, options))
  } catch (error) {
    if (error instanceof S3Error && error.code === 'bytes_missing') return
    throw error
  }
  throw new StoreError('key_taken', 'S3 has an object under this key already.')
}

// Told only when it was repeated: the first attempt may have done it, and its answer been lost.
function mayHaveLanded(error: unknown): boolean {
  const wasRepeated = error instanceof S3Error && error.failure.attempts > 1
  return wasRepeated && (error.code === 'key_taken' || isGone(error))
}

function isGone(error: unknown): boolean {
  return error instanceof S3Error && error.failure.s3Code === 'NoSuchUpload'
}
