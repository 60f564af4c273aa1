import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import type { Logger } from 'pino'

import { abandonUpload, commitUpload, type Reservation, reserveUpload } from '../database/blobs/reserve-upload.ts'
import type { Db, Tx } from '../database/client.ts'
import type { IdempotencyScope } from '../database/idempotency.ts'
import { inTransaction, OutcomeUnknown } from '../database/in-transaction.ts'
import type { Place } from '../database/places.ts'
import type { Growth, Quota } from '../database/quotas.ts'
import { AppError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import { type FileStore, type IncomingFile, type StoredFile, StoreError } from '../storage/file-store.ts'
import type { S3Trouble } from '../storage/s3-errors.ts'
import { isS3Out } from '../storage/s3-operation.ts'
import type { BlobId, Clock, DocumentId, FirmId, ProcessId, StorageKey, VersionId } from '../vocabulary.ts'
import { quotaExceeded } from './assert-room.ts'
import { removeNow } from './remove-blobs.ts'
import { placeFor, storeHolding, type Stores, type Target, targetOf } from './stores.ts'

export type StoreUploadNeeds = {
  db: Db
  processId: ProcessId
  stores: Stores
  log: Logger
  metrics: Metrics
  now: Clock
  /** Of a firm that has none of its own. */
  usualQuota: Quota
}

export type NewFile = {
  firmId: FirmId
  documentId: DocumentId
  file: IncomingFile
  growth: Growth
  scope: IdempotencyScope | undefined
  /** A key that nothing has had yet: each attempt gets one of its own. */
  makeKey: () => StorageKey
}

/** Bytes that are durable, where, and of which version. */
export type Stored = StoredFile & Place & { versionId: VersionId; isFallback: boolean }

type Commit<Result> = (trx: Tx, stored: Stored) => Promise<Result>

/**
 * Stores a file where new files go, and makes it a version in the one transaction that runs `commit`. A file that S3 does
 * not take goes to the local disk as if it came for the first time, and moves to S3 by itself later. A rejected file and a
 * client that went away are no failure of S3, and go nowhere.
 */
export async function storeUpload<Result>(
  needs: StoreUploadNeeds,
  newFile: NewFile,
  commit: Commit<Result>,
): Promise<Result> {
  const target = targetOf(needs.stores)
  const key = newFile.makeKey()
  if (target !== 's3') {
    const outage = target === 'local' ? undefined : needs.stores.s3?.outage()
    if (outage !== undefined) logS3Failure(needs, { key, ...outage })
    return await storeAt(needs, { ...newFile, target, key }, commit)
  }
  try {
    return await storeAt(needs, { ...newFile, target, key }, commit)
  } catch (error) {
    if (!isS3Out(error)) throw error
    logS3Failure(needs, { key, ...error.failure, err: error })
    if (needs.stores.fallback === 'off') throw error
    newFile.file.signal?.throwIfAborted()
    return await storeAt(needs, { ...newFile, target: 'fallback', key: newFile.makeKey() }, commit)
  }
}

type Attempt = NewFile & { target: Target; key: StorageKey }

/**
 * Reserve, put, commit: the row that names the bytes comes first, the bytes are durable before the version is made.
 * Whatever fails is one change of state, in which the bytes leave and nothing stays reserved; but a commit whose outcome
 * is unknown leaves everything to the collector, since the version may exist. Throws `quota_exceeded` where the firm has
 * no room.
 */
async function storeAt<Result>(
  needs: StoreUploadNeeds,
  { target, key, file, ...newFile }: Attempt,
  commit: Commit<Result>,
): Promise<Result> {
  const { isFallback, ...place } = placeFor(target, needs.stores, key)
  const reservation: Reservation = {
    ...newFile,
    ...place,
    id: randomUUID() as BlobId,
    versionId: randomUUID() as VersionId,
  } // just made, so they name nothing else
  const store = storeHolding(needs.stores, place)
  await reserve(needs, reservation)
  try {
    const stored = await measureWrite(needs.metrics, store.name, file, () => store.write(key, file))
    return await inTransaction(needs.db, async (trx) => {
      if (!(await commitUpload(trx, reservation.id, stored.size)))
        throw new AppError('store_unavailable', 'This upload was given up meanwhile. Send the file again.', {
          retryAfterSeconds: 5,
        })
      const result = await commit(trx, { ...stored, ...place, isFallback, versionId: reservation.versionId })
      // The last moment at which a client that went away can be left without a document it never heard of.
      file.signal?.throwIfAborted()
      return result
    })
  } catch (error) {
    if (error instanceof OutcomeUnknown)
      needs.log.error(
        { ...aboutUpload(reservation), event: 'upload_outcome_unknown', err: error },
        'bytes stay, commit may have succeeded',
      )
    else await abandon(needs, reservation, isS3Out(error))
    throw error
  }
}

async function reserve(needs: StoreUploadNeeds, reservation: Reservation): Promise<void> {
  const { db, processId, usualQuota } = needs
  const reserving = reserveUpload(db, processId, reservation, usualQuota)
  const { refused, ...room } = await reserving.catch(async (error: unknown) => {
    // It may have taken effect without an answer.
    await abandon(needs, reservation, true)
    throw error
  })
  if (refused !== null) throw quotaExceeded(room, refused, reservation.growth.bytes)
}

/** `isLate`: no client waits for an S3 that is out. The collector removes what S3 may have of the file, after the grace. */
async function abandon(needs: StoreUploadNeeds, reservation: Reservation, isLate: boolean): Promise<void> {
  const { id } = reservation
  try {
    await abandonUpload(needs.db, id, isLate ? sql`now() + interval '1 day'` : sql`now()`)
    if (!isLate) await removeNow(needs, reservation, [id])
  } catch (error) {
    needs.log.warn(
      { ...aboutUpload(reservation), event: 'upload_left_behind', err: error },
      'collector will remove these bytes',
    )
  }
}

function aboutUpload({ key, store }: Reservation): { key: StorageKey; store: string } {
  return { key, store }
}

type Failed = { key: StorageKey; trouble: S3Trouble | undefined; s3Code: string; err?: unknown }

/** Once an upload, whether S3 failed or is left alone for having failed others. */
function logS3Failure({ log, metrics, stores }: StoreUploadNeeds, { key, trouble, s3Code, err }: Failed): void {
  const reason = trouble ?? 'no_answer'
  const goesTo = stores.fallback === 'local' ? 'local' : 'nowhere'
  metrics.uploadsWithoutS3.inc({ reason, goes_to: goesTo })
  log.error(
    { event: 's3_upload_failed', key, reason, s3_code: s3Code, goes_to: goesTo, err },
    goesTo === 'local' ? 's3 upload failed, stored locally' : 's3 upload failed, rejected',
  )
}

type Counted = Pick<Metrics, 'uploadBytes' | 'uploadSizes'>

/** Runs an upload's write and counts how it ended: `refused` when that was for the file itself, or its client went away. */
export async function measureWrite(
  metrics: Counted,
  store: FileStore['name'],
  file: IncomingFile,
  write: () => Promise<StoredFile>,
): Promise<StoredFile> {
  const count = (outcome: string, bytes: number) => {
    metrics.uploadBytes.inc({ store, outcome }, bytes)
    metrics.uploadSizes.observe({ store, outcome }, bytes)
  }
  try {
    const stored = await write()
    count('ok', stored.size)
    return stored
  } catch (error) {
    count(error instanceof StoreError ? error.code : 'refused', knownBytes(file))
    throw error
  }
}

function knownBytes({ content }: IncomingFile): number {
  return content.kind === 'memory' ? content.bytes.byteLength : 0
}
