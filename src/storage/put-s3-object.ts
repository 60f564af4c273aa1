import { PutObjectCommand } from '@aws-sdk/client-s3'

import type { StorageKey } from '../vocabulary.ts'
import type { HeldInMemory, IncomingFile, StoredFile } from './file-store.ts'
import { findLandedObject } from './find-landed-object.ts'
import { presetPayloadHash } from './preset-payload-hash.ts'
import { storedAs } from './s3-answers.ts'
import { s3MetadataOf } from './s3-metadata.ts'
import { callS3, type S3Reach } from './s3-operation.ts'

/** One request, whole or not at all; its signature covers the file's hash, so that S3 refuses any other bytes. */
export async function putS3Object(
  reach: S3Reach,
  key: StorageKey,
  file: IncomingFile & { content: HeldInMemory },
): Promise<StoredFile> {
  const { bytes, sha256 } = file.content
  const command = new PutObjectCommand({
    Bucket: reach.bucket,
    Key: key,
    Body: bytes,
    ContentLength: bytes.length,
    ContentType: file.contentType,
    CacheControl: 'private, no-store',
    StorageClass: 'STANDARD',
    Metadata: s3MetadataOf(file.labels, sha256),
    IfNoneMatch: '*',
  })
  presetPayloadHash(command, sha256)

  try {
    const call = { operation: 'put_object', key, bytes: bytes.length, signal: file.signal } as const
    const answer = await callS3(reach, call, (options) => reach.client.send(command, options))
    return { size: bytes.length, sha256, ...storedAs(answer) }
  } catch (error) {
    const landed = await findLandedObject(reach, key, { size: bytes.length, sha256 }, error)
    if (landed) return landed
    throw error
  }
}
