import { randomUUID } from 'node:crypto'

import type { Tx } from '../database/client.ts'
import type { Growth } from '../database/quotas.ts'
import type { Place } from '../database/places.ts'
import type { IncomingFile, StoredFile } from '../storage/file-store.ts'
import type { S3Trouble } from '../storage/s3-errors.ts'
import { isS3Out } from '../storage/s3-operation.ts'
import type { FirmId, StorageKey, UploadId, UserId } from '../vocabulary.ts'
import { keepBytes, type KeepBytesNeeds } from './keep-bytes.ts'
import { placeFor, type Target, targetOf } from './stores.ts'

export type NewFile = {
  firmId: FirmId
  uploadedBy: UserId
  file: IncomingFile
  growth: Growth
  /** A key that nothing has had yet: each attempt gets one of its own. */
  makeKey: () => StorageKey
}

/** Bytes that are durable, and where. */
export type Kept = StoredFile & Place & { isFallback: boolean }

/**
 * Keeps a file where new files go. One that S3 fails to take goes to the local disk as if it came for the first time, from
 * which it moves by itself once S3 is back; what S3 may have of it is left to the collector. A refused file and a client
 * that went away are nobody's failure and go nowhere.
 */
export async function keepWithFallback<Result>(
  needs: KeepBytesNeeds,
  newFile: NewFile,
  record: (trx: Tx, kept: Kept) => Promise<Result>,
): Promise<Result> {
  const keepAt = (target: Target, key: StorageKey) => keepThere(needs, { ...newFile, target, key }, record)
  const target = targetOf(needs.stores)
  const key = newFile.makeKey()
  if (target !== 's3') {
    const outage = target === 'local' ? undefined : needs.stores.s3?.outage()
    if (outage !== undefined) tellS3Failed(needs, { key, ...outage })
    return await keepAt(target, key)
  }
  try {
    return await keepAt('s3', key)
  } catch (error) {
    if (!isS3Out(error)) throw error
    tellS3Failed(needs, { key, ...error.failure, err: error })
    if (needs.stores.fallback === 'off') throw error
    newFile.file.signal?.throwIfAborted()
    return await keepAt('fallback', newFile.makeKey())
  }
}

type Attempt = NewFile & { target: Target; key: StorageKey }

async function keepThere<Result>(
  needs: KeepBytesNeeds,
  { target, key, firmId, uploadedBy, file, growth }: Attempt,
  record: (trx: Tx, kept: Kept) => Promise<Result>,
): Promise<Result> {
  const place = placeFor(target, needs.stores, key)
  const id = randomUUID() as UploadId // just made, so it names nothing else
  const upload = { ...place, id, firmId, uploadedBy, growth }
  return await keepBytes(needs, upload, file, (trx, stored) => record(trx, { ...stored, ...place }))
}

type Failed = { key: StorageKey; trouble: S3Trouble | undefined; s3Code: string; err?: unknown }

/** Once an upload, whether S3 was asked in vain or is left alone for having failed others. */
function tellS3Failed({ log, metrics, stores }: KeepBytesNeeds, { key, trouble, s3Code, err }: Failed): void {
  const reason = trouble ?? 'no_answer'
  const goesTo = stores.fallback === 'local' ? 'local' : 'nowhere'
  metrics.uploadsWithoutS3.inc({ reason, goes_to: goesTo })
  log.error(
    { event: 's3_upload_failed', key, reason, s3_code: s3Code, goes_to: goesTo, err },
    goesTo === 'local'
      ? 'a file that S3 did not take goes to the local disk'
      : 'a file that S3 did not take is refused',
  )
}
