import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'

import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
} from '@aws-sdk/client-s3'

import type { QuarantineKey, Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import {
  type ByteRange,
  type FileLabels,
  type FileStat,
  type BufferedContent,
  type IncomingFile,
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
import { presetPayloadHash } from './requests/s3-request-handler.ts'
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
    // We wrote it there; an object of anybody else's under such a key would be caught by comparing its bytes.
    ...(sha256 === undefined ? {} : { sha256: sha256 as Sha256 }),
  }
}

// Some stores quote it in one answer and not in the next; without quotes it can be compared.
function etagOf({ ETag: etag }: { ETag?: string | undefined }) {
  return etag === undefined ? {} : { etag: etag.replaceAll('"', '') }
}

const maxFileNameBytes = 1024 // of the 2 KiB that S3 allows for all of an object's metadata

/** An object's user metadata. `sha256` stands on objects whose hash was known before they were sent. */
export function s3MetadataOf(labels: FileLabels, sha256?: Sha256): Record<string, string> {
  return {
    'original-filename': encodeFileName(labels.originalFileName),
    'document-type': encodeURIComponent(labels.documentType),
    'firm-id': labels.firmId,
    'document-id': labels.documentId,
    ...(sha256 === undefined ? {} : { sha256 }),
  }
}

/** Percent-encoded, since a header carries ASCII alone; cut between characters, so that what is left decodes. */
export function encodeFileName(fileName: string): string {
  let encoded = ''
  for (const character of fileName.toWellFormed()) {
    const next = encoded + encodeURIComponent(character)
    if (next.length > maxFileNameBytes) break
    encoded = next
  }
  return encoded
}

/** One request, whole or not at all; its signature covers the file's hash, so that S3 refuses any other bytes. */
export async function putS3Object(
  context: S3Context,
  key: StorageKey,
  file: IncomingFile & { content: BufferedContent },
): Promise<StoredFile> {
  const { bytes, sha256 } = file.content
  const metadata = s3MetadataOf(file.labels, sha256)
  const command = new PutObjectCommand({
    Bucket: context.bucket,
    Key: key,
    Body: bytes,
    ContentLength: bytes.length,
    ContentType: file.contentType,
    CacheControl: 'private, no-store',
    StorageClass: 'STANDARD',
    Metadata: metadata,
    IfNoneMatch: '*',
  })
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

  try {
    const call = { operation: 'put_object', key, bytes: bytes.length, signal, ...first } as const
    const answer = await callS3(context, call, command)
    return { size: bytes.length, sha256, ...storedAs(answer) }
  } catch (error) {
    const landed = await findLandedObject(context, key, { size: bytes.length, sha256 }, error)
    if (landed) return landed
    throw error
  }
}

/** As S3 stores it with the object. */
function crc32Of(bytes: Buffer): string {
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(bytes))
  return checksum.toString('base64')
}

type Bytes = { size: number; sha256: Sha256 }

/** `key_taken` on a repeated write may mean that the first attempt succeeded: then the object has these very bytes. */
async function findLandedObject(
  context: S3Context,
  key: StorageKey,
  sent: Bytes,
  error: unknown,
): Promise<StoredFile | undefined> {
  const wasRepeated = error instanceof S3Error && error.code === 'key_taken' && error.failure.attempts > 1
  return wasRepeated ? findSameObject(context, key, sent) : undefined
}

/** What lies under a key, if it has exactly these bytes. Throws when that cannot be learned. */
export async function findSameObject(
  context: S3Context,
  key: StorageKey,
  sent: Bytes,
): Promise<StoredFile | undefined> {
  const head = await headS3Object(context, key)
  if (head.ContentLength !== sent.size) return undefined

  // Parts of a large file were sent before its hash was known: its object names none, and is read instead.
  const sha256 = head.Metadata?.['sha256'] ?? (await hashOf(context, key))
  return sha256 === sent.sha256 ? { ...sent, ...storedAs(head) } : undefined
}

async function hashOf(context: S3Context, key: StorageKey): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await readS3Object(context, key)) hash.update(chunk)
  return hash.digest('hex')
}

/** Resolves when the first bytes are there. The operation's event comes when the last are, or the reader goes away. */
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
  // In Node the SDK's body is a Readable; its type covers browsers too.
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

/** What S3 says of an object. Throws `bytes_missing`. */
export function headS3Object(context: S3Context, key: string): Promise<HeadObjectCommandOutput> {
  const command = new HeadObjectCommand({ Bucket: context.bucket, Key: key })
  return callS3(context, { operation: 'head_object', key }, command)
}

type Listing = Pick<ListObjectsV2CommandInput, 'Prefix' | 'Delimiter' | 'MaxKeys'>

/** A listing, page by page; each page is requested when the one before it was read. */
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

/** Objects whose key is not one of ours are passed over. */
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

/** Inside the bucket, so that what the object says of itself (whose it is, its name) comes along. */
async function copyObject(context: S3Context, from: StorageKey, to: QuarantineKey): Promise<void> {
  const { ContentLength: bytes = 0 } = await headS3Object(context, from)
  // Not every store heeds If-None-Match on a copy.
  if ((await unlessMissing(headS3Object(context, to))) !== undefined)
    throw new StoreError('key_taken', 'S3 has an object under this key already.')
  const command = new CopyObjectCommand({
    Bucket: context.bucket,
    Key: to,
    CopySource: `${context.bucket}/${from}`,
    IfNoneMatch: '*',
  })
  await callS3(context, { operation: 'copy_object', key: to, bytes }, command)
}
