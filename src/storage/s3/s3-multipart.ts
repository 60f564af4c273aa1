import { createHash } from 'node:crypto'

import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import {
  type IncomingFile,
  type MultipartRecorder,
  type SpooledContent,
  type StoredFile,
  StoreError,
  unlessMissing,
} from '../file-store.ts'
import {
  readChunkBytes,
  readSpoolRange,
  type SpoolRange,
  readableRanges,
  untilAborted,
} from '../streams/read-spooled-file.ts'
import { findSameObject, headS3Object, s3MetadataOf, storedAs } from './s3-objects.ts'
import {
  callS3Expecting,
  callS3,
  isS3Unavailable,
  incompleteAnswer,
  S3Error,
  type S3Context,
} from './requests/s3-operation.ts'
import { presetPayloadHash, setBodySource } from './requests/s3-request-handler.ts'
import { isStorageKey } from '../storage-key.ts'

export type MultipartNeeds = { context: S3Context; recorder: MultipartRecorder }

/**
 * Sends a growing spool file part by part and completes the upload only after the file was accepted. A failure aborts the
 * upload, in the background during an outage of S3.
 */
export async function uploadS3Parts(
  { context, recorder }: MultipartNeeds,
  key: StorageKey,
  file: SpooledFile,
): Promise<StoredFile> {
  const upload = await openS3Upload(context, key, file)
  try {
    await recorder.opened(key, upload.id)
    const parts = await sendS3Parts(upload, file)
    const whole = await untilAborted(file.content.accepted, file.signal)
    requireWhole(parts, whole.size)
    const stored = await completeS3Upload(
      upload,
      parts.map(({ part }) => part),
      whole,
    )
    await closeRecord(recorder, upload)
    return stored
  } catch (error) {
    const givenUp = giveUp(recorder, upload)
    // During an outage the caller must not wait for S3 a second time.
    if (!isS3Unavailable(error)) await givenUp
    throw error
  }
}

// Never throws, because the caller needs the first error. An upload that could not be aborted stays on record for a later
// cleanup, and the operation is already logged.
export async function giveUp(recorder: MultipartRecorder, upload: MultipartUpload): Promise<void> {
  try {
    await abortS3Upload(upload)
  } catch {
    return
  }
  await closeRecord(recorder, upload)
}

function requireWhole(parts: SentPart[], size: number): void {
  const sent = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  if (sent !== size || sent === 0)
    throw new StoreError('misused', `expected ${size} bytes in the spool file, sent ${sent}`)
}

// The upload is already completed or aborted. An open record costs one needless abort later; an error here would lose the file.
async function closeRecord(recorder: MultipartRecorder, { context, key, id }: MultipartUpload): Promise<void> {
  try {
    await recorder.closed(key, id)
  } catch (error) {
    context.log.warn(
      { event: 's3_multipart_record_left', key, err: error },
      'finished multipart upload is still on record',
    )
  }
}

// S3 accepts 10,000 parts: 80 GB at this size, far above the limit of 2 GiB for a file.
export const partBytes = 8 * 1024 * 1024
const partsInFlight = 2

type SpooledFile = IncomingFile & { content: SpooledContent }
export type SentPart = { part: CompletedPart; bytes: number }

/** The first failure, rejection or abort stops all parts. When this throws, no part is being sent any more. */
async function sendS3Parts(upload: MultipartUpload, file: SpooledFile): Promise<SentPart[]> {
  const stop = new AbortController()
  const signal = file.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, file.signal])
  const stopWith = (reason: unknown) => stop.abort(reason)
  file.content.accepted.catch(stopWith)

  const limit = pLimit(partsInFlight)
  const sends: Promise<SentPart>[] = []
  try {
    for await (const stretch of readableRanges(file.content, partBytes, signal)) {
      const number = sends.length + 1
      const send = limit(() => sendInTurn(upload, { number, path: file.content.path, stretch }, signal))
      send.catch(stopWith)
      sends.push(send)
    }
    return await Promise.all(sends)
  } catch (error) {
    stopWith(error)
    await Promise.allSettled(sends)
    throw error
  }
}

/** Sends a part of a spool file in its turn. */
export async function sendInTurn(upload: MultipartUpload, part: SpooledPart, signal: AbortSignal): Promise<SentPart> {
  return await inTurn(upload.context, signal, () => sendPart(upload, part, signal))
}

/** Sends from a spool file, after a wait for memory that all uploads share. */
export async function inTurn<Sent>(
  { sending }: S3Context,
  signal: AbortSignal,
  send: () => Promise<Sent>,
): Promise<Sent> {
  const giveBack = await sending.reserve(readChunkBytes, { signal, waitSeconds: Infinity })
  try {
    return await send()
  } finally {
    giveBack()
  }
}

type SpooledPart = { number: number; path: string; stretch: SpoolRange }

// The part is read twice, first for its hash. The second read comes from the page cache, and SHA-256 is three times as fast
// as the MD5 that an unsigned part would need (1,360 against 420 MiB/s).
async function sendPart(
  upload: MultipartUpload,
  { number, path, stretch }: SpooledPart,
  signal: AbortSignal,
): Promise<SentPart> {
  signal.throwIfAborted()
  const { context, key } = upload
  const bytes = stretch.end - stretch.start
  const digest = await hashStretch(path, stretch, signal)
  const checksum = context.hasChecksums ? { ChecksumSHA256: digest.toString('base64') } : {}
  const command = new UploadPartCommand({
    Bucket: context.bucket,
    Key: key,
    UploadId: upload.id,
    PartNumber: number,
    ContentLength: bytes,
    ...checksum,
  })
  presetPayloadHash(command, digest.toString('hex') as Sha256) // made by the line above
  setBodySource(command, { openChunks: () => readSpoolRange(path, stretch) })

  const answer = await callS3(context, { operation: 'upload_part', key, bytes, signal }, command)
  return { part: { PartNumber: number, ETag: answer.ETag, ...checksum }, bytes }
}

export async function hashStretch(path: string, stretch: SpoolRange, signal: AbortSignal): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const piece of readSpoolRange(path, stretch)) {
    signal.throwIfAborted()
    hash.update(piece)
  }
  return hash.digest()
}

export type MultipartUpload = { context: S3Context; key: StorageKey; id: string }

export async function openS3Upload(
  context: S3Context,
  key: StorageKey,
  file: Pick<IncomingFile, 'contentType' | 'labels'>,
): Promise<MultipartUpload> {
  const command = new CreateMultipartUploadCommand({
    Bucket: context.bucket,
    Key: key,
    ContentType: file.contentType,
    CacheControl: 'private, no-store',
    StorageClass: 'STANDARD',
    Metadata: s3MetadataOf(file.labels),
    ...(context.hasChecksums && { ChecksumAlgorithm: 'SHA256' }),
  })
  // No signal: without its id an upload cannot be aborted, and stays until the bucket's lifecycle rule removes it.
  const { UploadId: id } = await callS3(context, { operation: 'create_multipart', key }, command)
  if (id === undefined) throw incompleteAnswer('create_multipart')
  return { context, key, id }
}

type Whole = { size: number; sha256: Sha256 }

/** Completes the upload. No signal: from here on only the answer of S3 shows whether the object exists. */
async function completeS3Upload(upload: MultipartUpload, parts: CompletedPart[], whole: Whole): Promise<StoredFile> {
  const { context, key, id } = upload
  await requireFreeKey(context, key)
  const command = new CompleteMultipartUploadCommand({
    Bucket: context.bucket,
    Key: key,
    UploadId: id,
    MultipartUpload: { Parts: parts },
    IfNoneMatch: '*',
  })
  try {
    const answer = await callS3(context, { operation: 'complete_multipart', key, bytes: 0 }, command)
    return { ...whole, ...storedAs(answer) }
  } catch (error) {
    const landed = mayHaveLanded(error) ? await findSameObject(context, key, whole) : undefined
    if (landed) return landed
    throw error
  }
}

/** Succeeds when the upload no longer exists. */
export async function abortS3Upload({ context, key, id }: MultipartUpload): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: context.bucket, Key: key, UploadId: id })
  try {
    await callS3(context, { operation: 'abort_multipart', key }, command)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

// Not every store supports If-None-Match on a completion. There only this check protects an existing object.
export async function requireFreeKey(context: S3Context, key: StorageKey): Promise<void> {
  if ((await unlessMissing(headS3Object(context, key))) !== undefined)
    throw new StoreError('key_taken', 'the key exists in S3')
}

// Only after a retry: the first attempt may have succeeded, and its answer was lost.
function mayHaveLanded(error: unknown): boolean {
  const wasRepeated = error instanceof S3Error && error.failure.attempts > 1
  return wasRepeated && (error.code === 'key_taken' || isGone(error))
}

export function isGone(error: unknown): boolean {
  return error instanceof S3Error && error.failure.s3Code === 'NoSuchUpload'
}

export type UnfinishedUpload = { key: StorageKey; multipartId: string; startedAt: Date }

export type UnfinishedCursor = { key: string; multipartId: string }

export type UnfinishedPage = { uploads: UnfinishedUpload[]; next: UnfinishedCursor | undefined }

/** A page of unfinished multipart uploads under our keys. `not_allowed`: the credentials may not list them. */
export async function listS3Multiparts(
  context: S3Context,
  after: UnfinishedCursor | undefined,
): Promise<UnfinishedPage | 'not_allowed'> {
  const from = after && { KeyMarker: after.key, UploadIdMarker: after.multipartId }
  const command = new ListMultipartUploadsCommand({ Bucket: context.bucket, ...from })
  // Many credentials deliberately lack this right.
  const page = await callS3Expecting(context, { operation: 'list_multiparts' }, { command, answers: ['AccessDenied'] })
  return 'errorName' in page ? 'not_allowed' : pageOf(page)
}

function pageOf({ Uploads, IsTruncated, NextKeyMarker, NextUploadIdMarker }: ListMultipartUploadsCommandOutput) {
  const uploads = (Uploads ?? []).flatMap(({ Key: key, UploadId: multipartId, Initiated: startedAt = new Date(0) }) =>
    key !== undefined && multipartId !== undefined && isStorageKey(key) ? [{ key, multipartId, startedAt }] : [],
  )
  const next = IsTruncated ? { key: NextKeyMarker ?? '', multipartId: NextUploadIdMarker ?? '' } : undefined
  return { uploads, next }
}
