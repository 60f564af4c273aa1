import { findDocumentType } from '../../database/documents/document-types.ts'
import {
  forgetUpload,
  recordFailure,
  recordResult,
  type ResumableUpload,
} from '../../database/resumable/resumable-uploads.ts'
import type { NewEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import type { NewVersion } from '../../database/blobs/commit-upload.ts'
import type { Reservation } from '../../database/blobs/reserve-upload.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import { AccessDenied, AppError, type Denial, type ErrorCode } from '../../errors/app-error.ts'
import { traced } from '../../logging/spans.ts'
import { countEndedUpload } from '../../metrics/upload-counters.ts'
import { rights } from '../../people/rights.ts'
import type { FinishedFile } from '../../storage/growing-file.ts'
import type { Actor, DocumentId, UploadId } from '../../vocabulary/vocabulary.ts'
import { logAccess } from '../access-document.ts'
import { defaultMimeTypes } from '../formats/allowed-formats.ts'
import { requireStore } from '../stores/reachable-stores.ts'
import {
  awaitWholeFile,
  findEarlierDocument,
  idempotencyScopeOf,
  newVersionOf,
  throwUnanswered,
} from '../upload/idempotent-upload.ts'
import { readFileHead, type ReceivedFile, receiveFile, type ReceiveNeeds } from '../upload/receive-file.ts'
import { abandon, type PlannedUpload, type StoreUploadNeeds } from '../upload/store-upload.ts'
import { commitVersion } from '../versions/add-version.ts'
import { growingFileOf, growingFilesOf, type GrowingNeeds } from './growing-blob.ts'

export type EndNeeds = StoreUploadNeeds & ReceiveNeeds & GrowingNeeds

/** The client may have left: the upload goes on, and the next request gets its result. */
const neverAborted = new AbortController().signal

/**
 * Makes a document, or a new version, of an upload whose bytes are all durable: completes the object, reads it back once,
 * hashes, checks and scans it, and commits it like any other upload. A rejected file is removed, and its error is recorded. If
 * its person lost the right meanwhile, nothing of the upload remains. If the process dies, a store fails or `signal` aborts,
 * the next request or the task `finish-uploads` repeats this. The caller has the claim.
 */
export async function endUpload(
  needs: EndNeeds,
  actor: Actor,
  upload: ResumableUpload,
  signal = neverAborted,
): Promise<DocumentId> {
  const { id, firmId, store, totalBytes: bytes } = upload
  const planned = plannedOf(actor, upload)
  try {
    // The commit judges the right again. This saves the reading of a whole file whose person lost it.
    await requireMembership(needs.db, { caller: actor, firmId, right: needs.uploads.rightToUpload })
    const finished = await growingFilesOf(needs, upload).finish(growingFileOf(upload))
    const received = await traced('read back', () => readBack(needs, upload, signal))
    const { documentId, isOwn } = await commitReceived(needs, actor, { upload, planned, finished, received, signal })
    countEndedUpload(needs.metrics, { store, bytes, outcome: 'ok' })
    if (!isOwn) {
      await recordResult(needs.db, id, documentId)
      // Not before: without a result and a blob, no request could end the upload any more.
      await abandon(needs, reservationOf(upload, planned), { isRemovedNow: true })
    }
    logAccess(needs.log, actor, { action: eventOfUpload(upload).action, firmId, documentId, outcome: 'ok' })
    return documentId
  } catch (error) {
    if (isFinal(error)) {
      await recordEnd(needs.db, id, error)
      countEndedUpload(needs.metrics, { store, bytes, outcome: 'refused' })
      await abandon(needs, reservationOf(upload, planned), { isRemovedNow: true })
    }
    throw error
  }
}

/** What its events are about: of a version, its document, until the blob that names it is gone after a rejection. */
export function eventOfUpload(upload: ResumableUpload): Pick<NewEvent, 'action' | 'firmId' | 'documentId'> {
  const { firmId, documentId, isVersion, failure } = upload
  return { action: rights[rightOf(upload)].event, firmId, ...(isVersion && failure === null && { documentId }) }
}

function rightOf({ isVersion }: ResumableUpload): 'documents.add_version' | 'documents.upload' {
  return isVersion ? 'documents.add_version' : 'documents.upload'
}

/** What the operator can put right: the file waits for it. */
const passing = new Set<ErrorCode>(['store_unavailable', 'internal'])

/** What the person can put right. An API key that is over stays over, and a deleted account does not come back. */
const passingDenials = new Set<Denial>([
  'session_over',
  'second_factor_required',
  'password_change_required',
  'email_unverified',
])

/** Whether a repetition would have the same result. */
export function isFinal(error: unknown): error is AppError {
  if (error instanceof AccessDenied) return !passingDenials.has(error.denial)
  return error instanceof AppError && !passing.has(error.code)
}

/** A denial is no property of the file: a person who gets the right back begins a new upload. */
async function recordEnd(db: Db, id: UploadId, error: AppError): Promise<void> {
  if (error instanceof AccessDenied) await forgetUpload(db, id)
  else await recordFailure(db, id, { code: error.code, message: error.message, fields: error.fields })
}

function plannedOf(caller: Actor, upload: ResumableUpload): PlannedUpload {
  const { firmId, documentId, documentType, totalBytes, idempotencyKey } = upload
  const right = rightOf(upload)
  return {
    right,
    caller,
    firmId,
    documentId,
    documentType,
    checksType: false,
    extension: '',
    addedUsage: { bytes: totalBytes, documents: upload.isVersion ? 0 : 1 },
    scope: idempotencyScopeOf({ firmId, userId: caller.userId, right }, idempotencyKey ?? undefined),
  }
}

function reservationOf(upload: ResumableUpload, { addedUsage, scope }: PlannedUpload): Reservation {
  const { blobId: id, firmId, documentId, versionId, documentType, store, storeId, key } = upload
  return { id, firmId, documentId, versionId, documentType, store, storeId, key, addedUsage, scope }
}

/** Reads the stored file as if a client sent it now: the same checks, the same errors. */
async function readBack(needs: EndNeeds, upload: ResumableUpload, signal: AbortSignal): Promise<ReceivedFile> {
  const { fileName, declaredType, totalBytes, expectedSha256, documentType } = upload
  const type = await findDocumentType(needs.db, documentType)
  const bytes = await requireStore(needs.stores, upload).read(upload.key)
  const file = { bytes, fileName, declaredType: declaredType ?? undefined }
  return await receiveFile(needs, await readFileHead(file, signal), {
    fileName,
    declaredBytes: totalBytes,
    maxBytes: totalBytes,
    allowedMimeTypes: type?.allowedTypes ?? defaultMimeTypes,
    expectedSha256: expectedSha256 ?? undefined,
    isFromStore: true,
    signal,
  })
}

type ToCommit = {
  upload: ResumableUpload
  planned: PlannedUpload
  finished: FinishedFile
  received: ReceivedFile
  signal: AbortSignal
}

/** `isOwn`: false if an earlier upload with its idempotency key became the document. */
type Ended = { documentId: DocumentId; isOwn: boolean }

async function commitReceived(needs: EndNeeds, actor: Actor, toCommit: ToCommit): Promise<Ended> {
  const { upload, planned, received, signal } = toCommit
  try {
    const version = await versionOf(toCommit)
    const committed = upload.isVersion
      ? await commitVersion(needs, actor, { right: 'documents.add_version', version, signal })
      : await needs.uploads.commitDocument(actor, version, signal)
    switch (committed.outcome) {
      case 'committed':
        return { documentId: committed.document.id, isOwn: true }
      case 'answered': {
        const earlier = await findEarlierDocument(needs.db, actor, planned, version.sha256)
        return { documentId: (earlier ?? throwUnanswered()).id, isOwn: false }
      }
      case 'given_up':
        throw new AppError('store_unavailable', 'The upload took too long and was abandoned. Begin a new one.', {
          retryAfterSeconds: 5,
        })
    }
  } finally {
    await received.release(true)
  }
}

async function versionOf({ upload, planned, finished, received }: ToCommit): Promise<NewVersion> {
  const { store, storeId, key, blobId, versionId, isFallback, fileName } = upload
  const { sha256, size } = await awaitWholeFile(received.content)
  const scanStatus = await received.scanStatus()
  const stored = { ...finished, size, sha256, store, storeId, key, blobId, versionId, isFallback }
  const { scanStartedAt, format } = received
  return newVersionOf(stored, planned, { fileName, mimeType: format.mimeType, scanStatus, scanStartedAt })
}
