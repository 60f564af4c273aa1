import { crc32 } from 'node:zlib'

import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'

import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import type { BufferedContent, IncomingFile, StoredFile } from '../file-store.ts'
import { readSpoolRange } from '../streams/read-spooled-file.ts'
import { callS3, type S3Call, type S3Context, S3Error } from './requests/s3-operation.ts'
import { presetPayloadHash, setBodySource } from './requests/s3-request-handler.ts'
import { type Content, findSameObject, s3MetadataOf, storedAs } from './s3-objects.ts'

/** Stores a buffer in one request. The signature covers the hash, so S3 rejects any other content. */
export async function putS3Object(
  context: S3Context,
  key: StorageKey,
  file: IncomingFile & { content: BufferedContent },
): Promise<StoredFile> {
  const { bytes, sha256 } = file.content
  const metadata = s3MetadataOf(file.labels, sha256)
  const command = putCommandOf(context, key, { file, metadata, size: bytes.length, body: { Body: bytes } })
  presetPayloadHash(command, sha256)
  const headers = {
    'cache-control': 'private, no-store',
    'content-type': file.contentType,
    'if-none-match': '*',
    'x-amz-storage-class': 'STANDARD',
    ...(context.hasChecksums && { 'x-amz-checksum-crc32': crc32Of(bytes) }),
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
  }
  const { signal } = file
  const { firstPut } = context
  const put = { key, body: bytes, sha256, headers, signal }
  const first = firstPut && { first: (timeoutMs: number) => firstPut.put({ ...put, timeoutMs }) }

  const call = { operation: 'put_object', key, bytes: bytes.length, signal, ...first } as const
  return await putOnce(context, key, { call, command, sent: { size: bytes.length, sha256 } })
}

/** Stores the first `size` bytes of a file on disk in one request, without having them in memory. */
export async function putFileOnS3(context: S3Context, key: StorageKey, file: FileToPut): Promise<StoredFile> {
  const { path, size, sha256, signal } = file
  const metadata = s3MetadataOf(file.labels, sha256)
  // Otherwise the SDK calculates the checksum of the body, and the file is none here.
  const body = context.hasChecksums ? { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') } : {}
  const command = putCommandOf(context, key, { file, metadata, size, body })
  presetPayloadHash(command, sha256)
  setBodySource(command, { openChunks: () => readSpoolRange(path, { start: 0, end: size }) })
  const call = { operation: 'put_object', key, bytes: size, signal } as const
  return await putOnce(context, key, { call, command, sent: { size, sha256 } })
}

export type FileToPut = Pick<IncomingFile, 'contentType' | 'labels' | 'signal'> & Content & { path: string }

type ToPut = {
  file: Pick<IncomingFile, 'contentType'>
  metadata: Record<string, string>
  size: number
  body: Pick<PutObjectCommandInput, 'Body' | 'ChecksumSHA256'>
}

function putCommandOf({ bucket }: S3Context, key: StorageKey, { file, metadata, size, body }: ToPut): PutObjectCommand {
  return new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    ...body,
    ContentLength: size,
    ContentType: file.contentType,
    CacheControl: 'private, no-store',
    StorageClass: 'STANDARD',
    Metadata: metadata,
    IfNoneMatch: '*',
  })
}

type Put = { call: S3Call; command: PutObjectCommand; sent: Content }

async function putOnce(context: S3Context, key: StorageKey, { call, command, sent }: Put): Promise<StoredFile> {
  try {
    return { ...sent, ...storedAs(await callS3(context, call, command)) }
  } catch (error) {
    const landed = await findLandedObject(context, key, sent, error)
    if (landed) return landed
    throw error
  }
}

/** The checksum in the format that S3 stores with the object. */
function crc32Of(bytes: Buffer): string {
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(bytes))
  return checksum.toString('base64')
}

/** `key_taken` after a retry may mean that the first attempt succeeded: then the object has the same content. */
async function findLandedObject(
  context: S3Context,
  key: StorageKey,
  sent: Content,
  error: unknown,
): Promise<StoredFile | undefined> {
  const wasRepeated = error instanceof S3Error && error.code === 'key_taken' && error.failure.attempts > 1
  return wasRepeated ? findSameObject(context, key, sent) : undefined
}
