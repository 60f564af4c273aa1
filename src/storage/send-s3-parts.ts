import { createHash } from 'node:crypto'

import { type CompletedPart, UploadPartCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { Sha256 } from '../vocabulary.ts'
import type { IncomingFile, Spooled } from './file-store.ts'
import { presetPayloadHash, sendFrom } from './preset-payload-hash.ts'
import { pieceBytes, readPieces, type Stretch, stretchesOf } from './read-as-it-grows.ts'
import type { MultipartUpload } from './s3-multipart.ts'
import { callS3 } from './s3-operation.ts'

// S3 takes 10,000 parts: at this size 80 GB, far above the ceiling of 2 GiB that a file may have.
export const partBytes = 8 * 1024 * 1024
const partsInFlight = 2

export type SpooledFile = IncomingFile & { content: Spooled }
export type SentPart = { part: CompletedPart; bytes: number }

/** The first failure, refusal or abort stops all parts; when this throws, none is on its way any more. */
export async function sendS3Parts(upload: MultipartUpload, file: SpooledFile): Promise<SentPart[]> {
  const stop = new AbortController()
  const signal = file.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, file.signal])
  const stopWith = (reason: unknown) => stop.abort(reason)
  file.content.accepted.catch(stopWith)

  const limit = pLimit(partsInFlight)
  const sends: Promise<SentPart>[] = []
  try {
    for await (const stretch of stretchesOf(file.content, partBytes, signal)) {
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
  const giveBack = await upload.reach.sending.reserve(pieceBytes, { signal, waitSeconds: Infinity })
  try {
    return await sendPart(upload, part, signal)
  } finally {
    giveBack()
  }
}

type Part = { number: number; path: string; stretch: Stretch }

// The part is read twice, once for its hash: out of the system's memory, and SHA-256 is three times as fast here as the
// MD5 that an unsigned part would need for the same certainty (1,360 against 420 MiB/s).
async function sendPart(
  upload: MultipartUpload,
  { number, path, stretch }: Part,
  signal: AbortSignal,
): Promise<SentPart> {
  signal.throwIfAborted()
  const { reach, key } = upload
  const bytes = stretch.end - stretch.start
  const digest = await hashStretch(path, stretch, signal)
  const checksum = reach.hasChecksums ? { ChecksumSHA256: digest.toString('base64') } : {}
  const command = new UploadPartCommand({
    Bucket: reach.bucket,
    Key: key,
    UploadId: upload.id,
    PartNumber: number,
    ContentLength: bytes,
    ...checksum,
  })
  presetPayloadHash(command, digest.toString('hex') as Sha256) // made by the line above
  sendFrom(command, { openPieces: () => readPieces(path, stretch) })

  const answer = await callS3(reach, { operation: 'upload_part', key, bytes, signal }, (options) =>
    reach.client.send(command, options),
  )
  return { part: { PartNumber: number, ETag: answer.ETag, ...checksum }, bytes }
}

async function hashStretch(path: string, stretch: Stretch, signal: AbortSignal): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const piece of readPieces(path, stretch)) {
    signal.throwIfAborted()
    hash.update(piece)
  }
  return hash.digest()
}
