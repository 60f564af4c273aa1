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

type Needs = { context: S3Context; recorder: MultipartRecorder }

/**
 * Sends a growing file part by part from the disk, and completes it only once the whole was accepted. A failure aborts the
 * upload, in the background when S3 is out.
 */
export async function uploadS3Parts(
  { context, recorder }: Needs,
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
    // Whoever waits for an answer does not wait for a dead S3 a second time.
    if (!isS3Unavailable(error)) await givenUp
    throw error
  }
}

// What went wrong first is what the caller must hear. An upload that could not be aborted stays on record, for whoever
// tidies up later; the operation's own event tells of it. Never throws.
async function giveUp(recorder: MultipartRecorder, upload: MultipartUpload): Promise<void> {
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
    throw new StoreError('misused', `The spooled file was to have ${size} bytes; ${sent} were read from it.`)
}

// The bytes are safe or gone already. A record left open costs one needless abort later; failing here would cost the file.
async function closeRecord(recorder: MultipartRecorder, { context, key, id }: MultipartUpload): Promise<void> {
  try {
    await recorder.closed(key, id)
  } catch (error) {
    context.log.warn(
      { event: 's3_multipart_record_left', key, err: error },
      'a finished multipart upload is still on record',
    )
  }
}

// S3 takes 10,000 parts: at this size 80 GB, far above the ceiling of 2 GiB that a file may have.
export const partBytes = 8 * 1024 * 1024
const partsInFlight = 2

type SpooledFile = IncomingFile & { content: SpooledContent }
type SentPart = { part: CompletedPart; bytes: number }

/** The first failure, refusal or abort stops all parts; when this throws, none is on its way any more. */
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

/** Waits until the parts of all uploads together leave room for one more. */
async function sendInTurn(upload: MultipartUpload, part: Part, signal: AbortSignal): Promise<SentPart> {
  const giveBack = await upload.context.sending.reserve(readChunkBytes, { signal, waitSeconds: Infinity })
  try {
    return await sendPart(upload, part, signal)
  } finally {
    giveBack()
  }
}

type Part = { number: number; path: string; stretch: SpoolRange }

// The part is read twice, once for its hash: out of the system's memory, and SHA-256 is three times as fast here as the
// MD5 that an unsigned part would need for the same certainty (1,360 against 420 MiB/s).
async function sendPart(
  upload: MultipartUpload,
  { number, path, stretch }: Part,
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

async function hashStretch(path: string, stretch: SpoolRange, signal: AbortSignal): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const piece of readSpoolRange(path, stretch)) {
    signal.throwIfAborted()
    hash.update(piece)
  }
  return hash.digest()
}

type MultipartUpload = { context: S3Context; key: StorageKey; id: string }

async function openS3Upload(context: S3Context, key: StorageKey, file: IncomingFile): Promise<MultipartUpload> {
  const command = new CreateMultipartUploadCommand({
    Bucket: context.bucket,
    Key: key,
    ContentType: file.contentType,
    CacheControl: 'private, no-store',
    StorageClass: 'STANDARD',
    Metadata: s3MetadataOf(file.labels),
    ...(context.hasChecksums && { ChecksumAlgorithm: 'SHA256' }),
  })
  // Not cut by a signal: an upload whose id never arrived can be aborted by nobody, and stays until the bucket's rule
  // for unfinished uploads ends it.
  const { UploadId: id } = await callS3(context, { operation: 'create_multipart', key }, command)
  if (id === undefined) throw incompleteAnswer('create_multipart')
  return { context, key, id }
}

type Whole = { size: number; sha256: Sha256 }

/** Makes the object of its parts. No signal cuts it: from here on only S3's answer says what became of the file. */
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

/** One that is gone already is as good as aborted. */
export async function abortS3Upload({ context, key, id }: MultipartUpload): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: context.bucket, Key: key, UploadId: id })
  try {
    await callS3(context, { operation: 'abort_multipart', key }, command)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

// Not every store heeds If-None-Match on a completion, and then this look is all that keeps the first bytes.
async function requireFreeKey(context: S3Context, key: StorageKey): Promise<void> {
  if ((await unlessMissing(headS3Object(context, key))) !== undefined)
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

export type UnfinishedUpload = { key: StorageKey; multipartId: string; startedAt: Date }

export type UnfinishedCursor = { key: string; multipartId: string }

export type UnfinishedPage = { uploads: UnfinishedUpload[]; next: UnfinishedCursor | undefined }

/** A page of unfinished multipart uploads with keys of our form. `not_allowed`: the credentials may not list them. */
export async function listS3Multiparts(
  context: S3Context,
  after: UnfinishedCursor | undefined,
): Promise<UnfinishedPage | 'not_allowed'> {
  const from = after && { KeyMarker: after.key, UploadIdMarker: after.multipartId }
  const command = new ListMultipartUploadsCommand({ Bucket: context.bucket, ...from })
  // Many keys lack this right on purpose.
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
