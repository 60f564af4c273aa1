import { CompleteMultipartUploadCommand } from '@aws-sdk/client-s3'

import type { Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import { StoreError, unlessMissing } from '../file-store.ts'
import type { FinishedFile, GrowingFacts, GrowingFile, GrowingPart } from '../growing-file.ts'
import { requireStorageKey } from '../storage-key.ts'
import { callS3, S3Error } from './requests/s3-operation.ts'
import {
  giveUp,
  hashStretch,
  inTurn,
  isGone,
  type MultipartNeeds,
  openS3Upload,
  requireFreeKey,
  sendInTurn,
} from './s3-multipart.ts'
import { putFileOnS3 } from './put-s3-object.ts'
import { headS3Object, storedAs } from './s3-objects.ts'

/** The calls to S3 of a growing file (`s3-growing-file.ts`). The caller saves numbers and ETags: no call lists parts. */
export type S3Parts = {
  /** Begins and records a multipart upload. Returns its id. */
  open(key: StorageKey, facts: Pick<GrowingFacts, 'contentType' | 'labels'>): Promise<string>
  /** Sends a part. A part that was sent under the same number before is replaced. */
  send(to: PartTarget, part: PartInFile, signal?: AbortSignal): Promise<GrowingPart>
  /** Stores bytes that are too few for a part as an object of their own. */
  putRest(key: StorageKey, rest: RestInFile, signal?: AbortSignal): Promise<void>
  /** Joins the parts. A second call returns the same. Throws `key_taken` when another object has the key. */
  complete(to: PartTarget, file: Pick<GrowingFile, 'parts' | 'totalBytes'>): Promise<FinishedFile>
}

export type PartTarget = { key: StorageKey; id: string }

/** The first `bytes` of a file on disk. */
export type PartInFile = { number: number; path: string; bytes: number }

/** The first `bytes` of a file on disk. */
export type RestInFile = Pick<GrowingFacts, 'contentType' | 'labels'> & { path: string; bytes: number }

const neverAborted = new AbortController().signal

export function createS3Parts({ context, recorder }: MultipartNeeds): S3Parts {
  return {
    async open(key, facts) {
      const upload = await openS3Upload(context, requireStorageKey(key), facts)
      try {
        await recorder.opened(key, upload.id)
      } catch (error) {
        await giveUp(recorder, upload)
        throw error
      }
      return upload.id
    },
    async send(to, { number, path, bytes }, signal = neverAborted) {
      const stretch = { start: 0, end: bytes }
      const { part } = await sendInTurn({ context, ...to }, { number, path, stretch }, signal)
      const { ETag: etag = '', ChecksumSHA256: sha256 } = part
      return { number, etag, bytes, ...(sha256 !== undefined && { sha256 }) }
    },
    async putRest(key, { path, bytes: size, ...facts }, signal = neverAborted) {
      await inTurn(context, signal, async () => {
        const digest = await hashStretch(path, { start: 0, end: size }, signal)
        const sha256 = digest.toString('hex') as Sha256 // made by the line above
        await putFileOnS3(context, requireStorageKey(key), { ...facts, path, size, sha256, signal })
      })
    },
    complete: async (to, file) => completeParts({ context, recorder }, to, file),
  }
}

async function completeParts(
  { context }: MultipartNeeds,
  { key, id }: PartTarget,
  { parts, totalBytes }: Pick<GrowingFile, 'parts' | 'totalBytes'>,
): Promise<FinishedFile> {
  const command = new CompleteMultipartUploadCommand({
    Bucket: context.bucket,
    Key: key,
    UploadId: id,
    MultipartUpload: {
      Parts: parts.map(({ number, etag, sha256 }) => ({
        PartNumber: number,
        ETag: etag,
        ...(sha256 !== undefined && { ChecksumSHA256: sha256 }),
      })),
    },
    IfNoneMatch: '*',
  })
  try {
    await requireFreeKey(context, key)
    const answer = await callS3(context, { operation: 'complete_multipart', key, bytes: 0 }, command)
    return { size: totalBytes, ...storedAs(answer) }
  } catch (error) {
    const landed = mayHaveLanded(error) ? await unlessMissing(headS3Object(context, key)) : undefined
    // The key is this file's alone, and the caller reads the content back.
    if (landed?.ContentLength === totalBytes) return { size: totalBytes, ...storedAs(landed) }
    throw error
  }
}

/** An earlier call may have succeeded, and its answer was lost, or the process died before it saved the answer. */
function mayHaveLanded(error: unknown): boolean {
  if (error instanceof StoreError && error.code === 'key_taken') return true
  return error instanceof S3Error && isGone(error)
}
