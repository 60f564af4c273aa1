import type { StorageKey } from '../vocabulary.ts'
import { type MultipartRecorder, type StoredFile, StoreError } from './file-store.ts'
import { untilAborted } from './read-as-it-grows.ts'
import { abortS3Upload, completeS3Upload, type MultipartUpload, openS3Upload } from './s3-multipart.ts'
import { isS3Out, type S3Reach } from './s3-operation.ts'
import { type SentPart, sendS3Parts, type SpooledFile } from './send-s3-parts.ts'

type Needs = { reach: S3Reach; recorder: MultipartRecorder }

/**
 * Sends a file while it still grows, part by part from the disk, and completes it only once the whole was accepted.
 * Whatever fails before that aborts the upload, in the background when it was S3; memory never holds more than what is on its way through the sockets.
 */
export async function uploadS3Parts(
  { reach, recorder }: Needs,
  key: StorageKey,
  file: SpooledFile,
): Promise<StoredFile> {
  const upload = await openS3Upload(reach, key, file)
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
    if (!isS3Out(error)) await givenUp
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
async function closeRecord(recorder: MultipartRecorder, { reach, key, id }: MultipartUpload): Promise<void> {
  try {
    await recorder.closed(key, id)
  } catch (error) {
    reach.log.warn(
      { event: 's3_multipart_record_left', key, err: error },
      'a finished multipart upload is still on record',
    )
  }
}
