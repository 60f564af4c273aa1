import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import type { Logger } from 'pino'

import { type CommitResult, createUploadCommitter } from '../../database/blobs/commit-upload.ts'
import type { IdempotencyScope } from '../../database/blobs/idempotency-keys.ts'
import {
  abandonReservation,
  abandonUpload,
  createUploadReserver,
  deleteReservation,
  type Reservation,
  type ReservationResult,
} from '../../database/blobs/reserve-upload.ts'
import type { Db } from '../../database/connection/client.ts'
import { hasChangedNothing, OutcomeUnknown } from '../../database/connection/in-transaction.ts'
import { WaitedTooLong } from '../../database/connection/postgres-errors.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import type { AddedUsage, DefaultQuota } from '../../database/people/quota-usage.ts'
import { AppError } from '../../errors/app-error.ts'
import { outsideOfWork } from '../../logging/spans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { countUpload } from '../../metrics/upload-counters.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import { type IncomingFile, type StoredFile, StoreError } from '../../storage/file-store.ts'
import type { Outage } from '../../storage/s3/circuit-breaker.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import { storageKeyOf } from '../../storage/storage-key.ts'
import type { BlobId, Caller, Clock, DocumentId, FirmId, ProcessId, VersionId } from '../../vocabulary/vocabulary.ts'
import { chooseTarget, fallsBack, locationFor, logS3Failure, type UploadTarget } from '../stores/fallback.ts'
import { removeNow } from '../stores/remove-blobs.ts'
import { requireStore, type Stores } from '../stores/reachable-stores.ts'
import { quotaExceeded } from './quota-error.ts'

/*
 * The protocol of an upload. The process may die after any of its steps:
 *
 * 1. Reserve: one statement checks the right, the type and the quota, and inserts the blob as `incoming` with its key and
 *    its room in the firm. From here on a row names every byte. If the process dies, the collector
 *    (`stores/collect-blobs.ts`, hourly) frees the room after 10 minutes and removes the bytes a day later.
 * 2. Put: the store writes the file under the key, all or nothing. When `put` resolves, the bytes are durable. If the
 *    process dies during or after it, the collector does the same as after step 1.
 * 3. Commit: one statement makes the blob `live` and inserts the version, the platform's row, the event and the answer for
 *    the idempotency key. If the process dies after it, the document exists, and a replay with the same key returns it.
 * 4. Compensate: after a known failure one update makes the blob `leaving` and frees the room, then the bytes are removed.
 *    If the process dies in between, the collector removes them. After a commit with an unknown outcome the bytes stay,
 *    since a version may name them. The collector and `abandonLater` act only on a blob that is still `incoming`.
 */

export type UploadRight = 'documents.upload' | 'documents.add_version' | 'documents.restore_version'

/** The statements of an upload. Uploads that need the same one at the same time share it. */
export type UploadStatements = ReturnType<typeof createUploadStatements>

type StatementNeeds = { db: Db; processId: ProcessId; defaultQuota: DefaultQuota; mailIsOn: boolean }

export function createUploadStatements({ db, processId, defaultQuota, mailIsOn }: StatementNeeds) {
  // Without mail nobody can verify an e-mail. The commit need not ask again: no e-mail becomes unverified.
  const rightOf = (name: UploadRight) => ({ ...rights[name], needsVerifiedEmail: mailIsOn })
  const reserver = (name: UploadRight) => createUploadReserver(db, { processId, right: rightOf(name), defaultQuota })
  return {
    /** As the first statement of an upload judges it. */
    rightToUpload: rightOf('documents.upload'),
    reserve: {
      'documents.upload': reserver('documents.upload'),
      'documents.add_version': reserver('documents.add_version'),
      'documents.restore_version': reserver('documents.restore_version'),
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

/** The facts of an upload that are known before its bytes arrive. */
export type PlannedUpload = {
  right: UploadRight
  caller: Caller
  firmId: FirmId
  documentId: DocumentId
  documentType: string
  /** Whether the reservation checks the type. A document that exists keeps its type. */
  checksType: boolean
  extension: string
  addedUsage: AddedUsage
  scope: IdempotencyScope | undefined
}

/** `isReserved`: whether the row exists; without room in the firm there is none. `outage`: why the file does not go to S3. */
export type ReservedUpload = ReservationResult & {
  planned: PlannedUpload
  reservation: Reservation
  isFallback: boolean
  outage: Outage | undefined
}

/** Step 1. Throws the denial, and `store_unavailable`. A full quota is no error yet: see `exceeded` of the result. */
export async function reserve(
  needs: StoreUploadNeeds,
  planned: PlannedUpload,
  target: UploadTarget = chooseTarget(needs.stores),
): Promise<ReservedUpload> {
  const outage = target === 'fallback' ? needs.stores.s3?.outage() : undefined
  const { firmId, documentId, documentType, checksType, extension, addedUsage, scope } = planned
  const key = storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension })
  const { isFallback, ...location } = locationFor(target, needs.stores, key)
  const reservation: Reservation = {
    ...location,
    firmId,
    documentId,
    addedUsage,
    scope,
    documentType: checksType ? documentType : undefined,
    id: randomUUID() as BlobId,
    versionId: randomUUID() as VersionId,
  } // fresh ids, which name nothing else
  try {
    const reserved = await needs.uploads.reserve[planned.right](planned.caller, reservation)
    return { ...reserved, planned, reservation, isFallback, outage }
  } catch (error) {
    if (mayHaveReserved(error))
      await abandonReservation(needs.db, reservation, aDayLater).catch((failure: unknown) =>
        logLeftBehind(needs, reservation, failure),
      )
    throw error
  }
}

/** The statement may have taken effect, or may yet, although its answer was lost. */
function mayHaveReserved(error: unknown): boolean {
  return !(error instanceof AppError || error instanceof WaitedTooLong || hasChangedNothing(error))
}

/** Deletes the row of a reservation under whose key nothing was written. */
export async function releaseReservation(
  needs: StoreUploadNeeds,
  { isReserved, reservation }: ReservedUpload,
): Promise<void> {
  if (!isReserved) return
  await deleteReservation(needs.db, reservation.id).catch((error: unknown) => logLeftBehind(needs, reservation, error))
}

/** Durable bytes, their location, and the version that they become. */
export type StoredBlob = StoredFile & BlobLocation & { blobId: BlobId; versionId: VersionId; isFallback: boolean }

type Commit = (stored: StoredBlob) => Promise<CommitResult>

/**
 * Steps 2 to 4. If S3 fails to store the file, the upload starts over from step 1 in the local store: another key and
 * another row, since the first key may have bytes on S3.
 */
export async function storeUpload(
  needs: StoreUploadNeeds,
  reserved: ReservedUpload,
  file: IncomingFile,
  commit: Commit,
): Promise<CommitResult> {
  const { planned, outage, reservation } = reserved
  if (outage !== undefined) logS3Failure(needs, reservation.key, outage)
  try {
    return await putAndCommit(needs, reserved, file, commit)
  } catch (error) {
    if (!fallsBack(needs, reservation, error)) throw error
    file.signal?.throwIfAborted()
    // By now the file's length is known, or at least the limit of its type.
    const { content } = file
    const bytes =
      content.kind === 'memory'
        ? content.bytes.length
        : Math.min(planned.addedUsage.bytes, reserved.maxBytes ?? Infinity)
    const addedUsage = { ...planned.addedUsage, bytes }
    const local = await reserve(needs, { ...planned, checksType: false, addedUsage }, 'fallback')
    if (local.exceeded !== null) throw quotaExceeded(local.room, local.exceeded, bytes)
    return await putAndCommit(needs, local, file, commit)
  }
}

/** How the upload is counted. */
export const counted = (store: Reservation['store'], { content }: IncomingFile) => ({
  store,
  knownBytes: content.kind === 'memory' ? content.bytes.byteLength : 0,
  outcomeOf: (error: unknown) => (error instanceof StoreError ? error.code : 'refused'),
})

async function putAndCommit(
  needs: StoreUploadNeeds,
  { reservation, isFallback }: ReservedUpload,
  file: IncomingFile,
  commit: Commit,
): Promise<CommitResult> {
  const { store, storeId, key, versionId, id: blobId } = reservation
  const files = requireStore(needs.stores, reservation)
  try {
    const stored = await countUpload(needs.metrics, counted(store, file), () => files.write(key, file))
    const committed = await commit({ ...stored, store, storeId, key, blobId, versionId, isFallback })
    switch (committed.outcome) {
      case 'committed':
        break
      case 'answered': // another upload under the same idempotency key was first
        await abandon(needs, reservation, { isRemovedNow: true })
        break
      case 'given_up': // the collector abandoned the blob, so its bytes may be gone
        throw new AppError('store_unavailable', 'The upload took too long and was abandoned. Send the file again.', {
          retryAfterSeconds: 5,
        })
    }
    return committed
  } catch (error) {
    if (error instanceof OutcomeUnknown) {
      logOutcomeUnknown(needs, reservation, error)
      abandonLater(needs, reservation)
    } else {
      // No client waits for an S3 that is out: the collector removes what S3 may have of the file.
      await abandon(needs, reservation, { isRemovedNow: !isS3Unavailable(error) })
    }
    throw error
  }
}

const aDayLater = sql<Date>`now() + interval '1 day'`

/** Step 4. Does nothing to a blob that is not `incoming` any more. Bytes that are not removed now go after a day. */
export async function abandon(
  needs: StoreUploadNeeds,
  reservation: Reservation,
  { isRemovedNow }: { isRemovedNow: boolean },
): Promise<void> {
  const { id } = reservation
  try {
    await abandonUpload(needs.db, id, isRemovedNow ? sql`now()` : aDayLater)
    if (isRemovedNow) await removeNow(needs, reservation, [id])
  } catch (error) {
    logLeftBehind(needs, reservation, error)
  }
}

/** Longer than a statement may run: by then the commit has succeeded, or it never will. */
const commitDecidedMs = 60_000

/** Frees the room of a commit that did not succeed after all, earlier than the collector would. */
function abandonLater(needs: StoreUploadNeeds, reservation: Reservation): void {
  const abandonNow = () => void abandon(needs, reservation, { isRemovedNow: false })
  outsideOfWork(() => setTimeout(abandonNow, commitDecidedMs).unref())
}

function logOutcomeUnknown({ log }: StoreUploadNeeds, { key, store }: Reservation, err: OutcomeUnknown): void {
  log.error({ event: 'upload_outcome_unknown', key, store, err }, 'bytes stay, commit may have succeeded')
}

function logLeftBehind({ log }: StoreUploadNeeds, { key, store }: Reservation, err: unknown): void {
  log.warn({ event: 'upload_left_behind', key, store, err }, 'collector will remove these bytes')
}
