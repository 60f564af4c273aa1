import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import type { Logger } from 'pino'

import { type CommitResult, createUploadCommitter } from '../../database/blobs/commit-upload.ts'
import {
  abandonUpload,
  createUploadReserver,
  deleteReservation,
  type Reservation,
  type ReservationResult,
} from '../../database/blobs/reserve-upload.ts'
import type { Db } from '../../database/connection/client.ts'
import type { IdempotencyScope } from '../../database/blobs/idempotency.ts'
import { OutcomeUnknown } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import type { AddedUsage, Quota } from '../../database/people/quotas.ts'
import { AppError } from '../../errors/app-error.ts'
import { outsideOfWork } from '../../logging/spans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import type { Outage } from '../../storage/s3/circuit-breaker.ts'
import { type FileStore, type IncomingFile, type StoredFile, StoreError } from '../../storage/file-store.ts'
import type { S3Trouble } from '../../storage/s3/requests/s3-errors.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import { storageKeyOf } from '../../storage/storage-key.ts'
import type {
  BlobId,
  Clock,
  DocumentId,
  FirmId,
  ProcessId,
  StorageKey,
  UserId,
  VersionId,
} from '../../vocabulary/vocabulary.ts'
import { quotaExceeded } from './assert-quota.ts'
import { removeNow } from '../stores/remove-blobs.ts'
import { locationFor, requireStore, type Stores, type UploadTarget, chooseTarget } from '../stores/stores.ts'

export type UploadRight = 'documents.upload' | 'documents.add_version' | 'documents.restore_version'

/** The two statements of an upload, each shared by all that need it at the same time. */
export type UploadStatements = ReturnType<typeof createUploadStatements>

type StatementNeeds = { db: Db; processId: ProcessId; defaultQuota: Quota }

export function createUploadStatements({ db, processId, defaultQuota }: StatementNeeds) {
  const reserving = (name: UploadRight) => createUploadReserver(db, { processId, right: rights[name], defaultQuota })
  return {
    reserve: {
      'documents.upload': reserving('documents.upload'),
      'documents.add_version': reserving('documents.add_version'),
      'documents.restore_version': reserving('documents.restore_version'),
    },
    commitDocument: createUploadCommitter(db, rights['documents.upload'], confidentialRoles),
  }
}

export type StoreUploadNeeds = {
  db: Db
  processId: ProcessId
  uploads: UploadStatements
  stores: Stores
  log: Logger
  metrics: Metrics
  now: Clock
}

/** What an upload is going to be: all that is known of it before its bytes are. */
export type PlannedUpload = {
  right: UploadRight
  userId: UserId
  firmId: FirmId
  documentId: DocumentId
  documentType: string
  /** Whether the database judges the type: a document that exists keeps the one it has. */
  judgesType: boolean
  extension: string
  growth: AddedUsage
  scope: IdempotencyScope | undefined
}

/** A named place with room reserved in it, unless `isReserved` is false. */
export type ReservedUpload = ReservationResult & {
  planned: PlannedUpload
  reservation: Reservation
  isFallback: boolean
  /** Why it does not go to S3. */
  outage: Outage | undefined
}

/**
 * Reserves room where new files go, under a fresh key, if the person may upload, the type is taken and there is room.
 * Throws the denial, and `store_unavailable`.
 */
export async function reserve(
  needs: StoreUploadNeeds,
  planned: PlannedUpload,
  target: UploadTarget = chooseTarget(needs.stores),
): Promise<ReservedUpload> {
  const outage = target === 'fallback' ? needs.stores.s3?.outage() : undefined
  const { firmId, documentId, documentType, judgesType, extension, growth, scope } = planned
  const key = storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension })
  const { isFallback, ...place } = locationFor(target, needs.stores, key)
  const reservation: Reservation = {
    ...place,
    firmId,
    documentId,
    addedUsage: growth,
    scope,
    documentType: judgesType ? documentType : undefined,
    id: randomUUID() as BlobId,
    versionId: randomUUID() as VersionId,
  } // just made, so they name nothing else
  const reserving = needs.uploads.reserve[planned.right](planned.userId, reservation)
  const reserved = await reserving.catch(async (error: unknown) => {
    // It may have taken effect without an answer.
    if (!(error instanceof AppError)) await abandon(needs, reservation, true)
    throw error
  })
  return { ...reserved, planned, reservation, isFallback, outage }
}

/** Lets a reservation go under which nothing was written. */
export async function releaseReservation(
  needs: StoreUploadNeeds,
  { isReserved, reservation }: ReservedUpload,
): Promise<void> {
  if (!isReserved) return
  await deleteReservation(needs.db, reservation.id).catch((error: unknown) => logLeftBehind(needs, reservation, error))
}

/** Bytes that are durable, where, and of which version. */
export type StoredBlob = StoredFile & BlobLocation & { blobId: BlobId; versionId: VersionId; isFallback: boolean }

type Commit = (stored: StoredBlob) => Promise<CommitResult>

/**
 * Puts a file where room is reserved for it, and makes it a version by `commit`. A file that S3 does not take goes to the
 * local disk as if it came for the first time, and moves to S3 by itself later. A rejected file and a client that went away
 * are no failure of S3, and go nowhere.
 */
export async function storeUpload(
  needs: StoreUploadNeeds,
  reserved: ReservedUpload,
  file: IncomingFile,
  commit: Commit,
): Promise<CommitResult> {
  const { planned, outage, reservation } = reserved
  const { key, store } = reservation
  if (outage !== undefined) logS3Failure(needs, { key, ...outage })
  try {
    return await putAndCommit(needs, reserved, file, commit)
  } catch (error) {
    if (store !== 's3' || !isS3Unavailable(error)) throw error
    logS3Failure(needs, { key, ...error.failure, err: error })
    if (needs.stores.fallback === 'off') throw error
    file.signal?.throwIfAborted()
    // By now its length is known, or its type's limit.
    const { content } = file
    const bytes =
      content.kind === 'memory' ? content.bytes.length : Math.min(planned.growth.bytes, reserved.maxBytes ?? Infinity)
    const growth = { ...planned.growth, bytes }
    const again = await reserve(needs, { ...planned, judgesType: false, growth }, 'fallback')
    if (again.exceeded !== null) throw quotaExceeded(again.room, again.exceeded, bytes)
    return await putAndCommit(needs, again, file, commit)
  }
}

/**
 * The row that names the bytes came first; the bytes are durable before the version is made. Whatever fails is one change
 * of state, in which the bytes leave and nothing stays reserved; but a commit whose outcome is unknown leaves everything to
 * the collector, since the version may exist.
 */
async function putAndCommit(
  needs: StoreUploadNeeds,
  { reservation, isFallback }: ReservedUpload,
  file: IncomingFile,
  commit: Commit,
): Promise<CommitResult> {
  const { store, storeId, key, versionId, id: blobId } = reservation
  const files = requireStore(needs.stores, { store, storeId, key })
  try {
    const stored = await measureWrite(needs.metrics, store, file, () => files.write(key, file))
    const committed = await commit({ ...stored, store, storeId, key, blobId, versionId, isFallback })
    if (committed.outcome === 'given_up')
      throw new AppError('store_unavailable', 'This upload was given up meanwhile. Send the file again.', {
        retryAfterSeconds: 5,
      })
    if (committed.outcome === 'answered') await abandon(needs, reservation, false)
    return committed
  } catch (error) {
    if (error instanceof OutcomeUnknown) {
      needs.log.error(
        { ...aboutUpload(reservation), event: 'upload_outcome_unknown', err: error },
        'bytes stay, commit may have succeeded',
      )
      abandonLater(needs, reservation)
    } else await abandon(needs, reservation, isS3Unavailable(error))
    throw error
  }
}

/** `isLate`: no client waits for an S3 that is out. The collector removes what S3 may have of the file, after the grace. */
async function abandon(needs: StoreUploadNeeds, reservation: Reservation, isLate: boolean): Promise<void> {
  const { id } = reservation
  try {
    await abandonUpload(needs.db, id, isLate ? sql`now() + interval '1 day'` : sql`now()`)
    if (!isLate) await removeNow(needs, reservation, [id])
  } catch (error) {
    logLeftBehind(needs, reservation, error)
  }
}

/** Longer than a statement may run: by then its commit stands, or never will. */
const commitDecidedMs = 60_000

/** What is still incoming when the commit is decided did not commit: it must not take room in the firm for a day. */
function abandonLater(needs: StoreUploadNeeds, reservation: Reservation): void {
  outsideOfWork(() => setTimeout(() => void abandon(needs, reservation, true), commitDecidedMs).unref())
}

function logLeftBehind({ log }: StoreUploadNeeds, reservation: Reservation, err: unknown): void {
  log.warn({ ...aboutUpload(reservation), event: 'upload_left_behind', err }, 'collector will remove these bytes')
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
