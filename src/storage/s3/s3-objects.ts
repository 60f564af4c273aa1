import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3'

import type { QuarantineKey, Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import {
  type ByteRange,
  type FileLabels,
  type FileStat,
  type Quarantine,
  type StoredFile,
  StoreError,
  unlessMissing,
} from '../file-store.ts'
import { forwardStream } from '../streams/forward-stream.ts'
import { removeS3Object } from './remove-s3-objects.ts'
import { type S3Failure, s3FailureOf } from './requests/s3-errors.ts'
import {
  startS3Operation,
  callS3,
  endWithFailure,
  incompleteAnswer,
  S3Error,
  type S3Context,
} from './requests/s3-operation.ts'
import { isStorageKey, requireQuarantineKey, requireReadableKey } from '../storage-key.ts'

export function storedAs(answer: { ETag?: string | undefined; VersionId?: string | undefined }) {
  return {
    ...etagOf(answer),
    ...(answer.VersionId === undefined ? {} : { objectVersionId: answer.VersionId }),
  }
}

type Head = {
  ContentLength?: number | undefined
  LastModified?: Date | undefined
  ETag?: string | undefined
  ContentType?: string | undefined
  Metadata?: Record<string, string> | undefined
}

export function statOf(key: StorageKey, head: Head): FileStat {
  const sha256 = head.Metadata?.['sha256']
  return {
    key,
    size: head.ContentLength ?? 0,
    modifiedAt: head.LastModified ?? new Date(0),
    ...etagOf(head),
    ...(head.ContentType === undefined ? {} : { contentType: head.ContentType }),
    // The service wrote it. A comparison of the content would detect a foreign object.
    ...(sha256 === undefined ? {} : { sha256: sha256 as Sha256 }),
  }
}

// Without quotes, because some stores quote it only in some answers.
function etagOf({ ETag: etag }: { ETag?: string | undefined }) {
  return etag === undefined ? {} : { etag: etag.replaceAll('"', '') }
}

const maxFileNameBytes = 1024 // of the 2 KiB that S3 allows for all of an object's metadata

/** An object's user metadata. `sha256` is set when the hash is known before the upload. */
export function s3MetadataOf(labels: FileLabels, sha256?: Sha256): Record<string, string> {
  return {
    'original-filename': encodeFileName(labels.originalFileName),
    'document-type': encodeURIComponent(labels.documentType),
    'firm-id': labels.firmId,
    'document-id': labels.documentId,
    ...(sha256 === undefined ? {} : { sha256 }),
  }
}

/** Percent-encodes a name, because headers are ASCII. Cuts it between characters, so that the rest decodes. */
export function encodeFileName(fileName: string): string {
  let encoded = ''
  for (const character of fileName.toWellFormed()) {
    const next = encoded + encodeURIComponent(character)
    if (next.length > maxFileNameBytes) break
    encoded = next
  }
  return encoded
}

export type Content = { size: number; sha256: Sha256 }

/** The object under a key, if it has exactly this content. Throws when S3 does not answer. */
export async function findSameObject(
  context: S3Context,
  key: StorageKey,
  sent: Content,
): Promise<StoredFile | undefined> {
  const head = await headS3Object(context, key)
  if (head.ContentLength !== sent.size) return undefined

  // A multipart object has no hash in its metadata, because the parts are sent before the hash is known. So read it.
  const sha256 = head.Metadata?.['sha256'] ?? (await hashOf(context, key))
  return sha256 === sent.sha256 ? { ...sent, ...storedAs(head) } : undefined
}

async function hashOf(context: S3Context, key: StorageKey): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await readS3Object(context, key)) hash.update(chunk)
  return hash.digest('hex')
}

/** Resolves with the first bytes. The operation is logged when the stream ends or the reader stops. */
export async function readS3Object(context: S3Context, key: string, range?: ByteRange): Promise<Readable> {
  const call = { operation: 'get_object', key } as const
  const finish = startS3Operation(context, call)
  const command = new GetObjectCommand({
    Bucket: context.bucket,
    Key: key,
    ...(range && { Range: rangeHeader(range) }),
  })
  const answer = await context.client.send(command, { requestTimeout: context.answerMs }).catch((error: unknown) => {
    throw endWithFailure(call, error, finish)
  })
  const { attempts: attempt = 1, requestId } = answer.$metadata
  const { Body: body } = answer
  // In Node the body is a Readable. The SDK's type also covers browsers.
  if (!(body instanceof Readable)) throw incompleteAnswer('get_object')

  let bytes = 0
  let failure: S3Failure | undefined
  const output = forwardStream(body, (error) => {
    failure = { ...s3FailureOf(error), code: 'unavailable', trouble: 'no_answer' }
    return new S3Error(call.operation, failure, error)
  })
  body.on('data', (chunk: Buffer) => (bytes += chunk.length))
  output.once('close', () => {
    if (failure) finish({ outcome: failure.code, attempt, bytes, requestId, failure })
    else finish({ outcome: output.readableEnded ? 'ok' : 'aborted', attempt, bytes, requestId })
  })
  return output
}

function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end ?? ''}`
}

/** Throws `bytes_missing` when the object does not exist. */
export function headS3Object(context: S3Context, key: string): Promise<HeadObjectCommandOutput> {
  const command = new HeadObjectCommand({ Bucket: context.bucket, Key: key })
  return callS3(context, { operation: 'head_object', key }, command)
}

type Listing = Pick<ListObjectsV2CommandInput, 'Prefix' | 'Delimiter' | 'MaxKeys'>

/** Lists page by page. Requests a page only after the previous one was read. */
export async function* listS3Pages(context: S3Context, listing: Listing): AsyncGenerator<ListObjectsV2CommandOutput> {
  const call = { operation: 'list_objects', ...(listing.Prefix !== undefined && { key: listing.Prefix }) } as const
  let next: string | undefined
  do {
    const from = next === undefined ? {} : { ContinuationToken: next }
    const command = new ListObjectsV2Command({ Bucket: context.bucket, ...listing, ...from })
    const page: ListObjectsV2CommandOutput = await callS3(context, call, command)
    yield page
    next = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (next !== undefined)
}

/** Skips objects whose key is not ours. */
export async function* listS3Objects(context: S3Context, prefix: string): AsyncGenerator<FileStat> {
  for await (const { Contents = [] } of listS3Pages(context, { Prefix: prefix }))
    for (const { Key: key, Size, LastModified, ETag } of Contents)
      if (key !== undefined && isStorageKey(key)) yield statOf(key, { ContentLength: Size, LastModified, ETag })
}

export function s3Quarantine(context: S3Context): Quarantine {
  return {
    copy: async (from, to) => copyObject(context, requireReadableKey(from), requireQuarantineKey(to)),
    read: async (key) => readS3Object(context, requireQuarantineKey(key)),
    remove: async (key) => removeS3Object(context, requireQuarantineKey(key)),
  }
}

/** Copies inside the bucket, which preserves the object's metadata. */
async function copyObject(context: S3Context, from: StorageKey, to: QuarantineKey): Promise<void> {
  const { ContentLength: bytes = 0 } = await headS3Object(context, from)
  // Not every store supports If-None-Match on a copy.
  if ((await unlessMissing(headS3Object(context, to))) !== undefined)
    throw new StoreError('key_taken', 'the key exists in S3')
  const command = new CopyObjectCommand({
    Bucket: context.bucket,
    Key: to,
    CopySource: `${context.bucket}/${from}`,
    IfNoneMatch: '*',
  })
  await callS3(context, { operation: 'copy_object', key: to, bytes }, command)
}
