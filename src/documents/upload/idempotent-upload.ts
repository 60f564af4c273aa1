import type { CommitResult, NewVersion, RecordedDocument } from '../../database/blobs/commit-upload.ts'
import type { Db } from '../../database/connection/client.ts'
import { findDocument, findDuplicate } from '../../database/documents/documents.ts'
import { findStoredAnswer, type IdempotencyScope } from '../../database/blobs/idempotency.ts'
import { requireMembership } from '../../database/people/membership.ts'
import { AppError } from '../../errors/app-error.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import type { Actor, FirmId, Sha256, UserId } from '../../vocabulary/vocabulary.ts'
import { quotaExceeded } from './assert-quota.ts'
import { commitVersion } from './commit-version.ts'
import type { ReceivedFile } from './receive-file.ts'
import {
  type PlannedUpload,
  reserve,
  type ReservedUpload,
  type StoredBlob,
  storeUpload,
  type StoreUploadNeeds,
  releaseReservation,
  type UploadRight,
} from './store-upload.ts'

type ReceivedUpload = { reserved: ReservedUpload; received: ReceivedFile; fileName: string; signal: AbortSignal }

/** Stores a file as a new document or version, once per idempotency key; a replay gets the first one's document. */
export async function storeOnce(
  needs: StoreUploadNeeds,
  actor: Actor,
  { reserved: first, ...file }: ReceivedUpload,
): Promise<RecordedDocument> {
  const { planned } = first
  const { content } = file.received
  const earlier = async ({ sha256 }: { sha256: Sha256 }) => findEarlierDocument(needs.db, actor, planned, sha256)
  const storeIn = async (reserved: ReservedUpload) => {
    const committed = await storeReceived(needs, actor, { reserved, ...file })
    if (committed.outcome === 'committed') return committed.document
    return (await earlier(await awaitWholeFile(content))) ?? unanswered()
  }
  try {
    const answered = first.isAnswered ? await earlier(await awaitWholeFile(content)) : undefined
    if (answered !== undefined) {
      await releaseReservation(needs, first)
      return answered
    }
  } catch (error) {
    await releaseReservation(needs, first)
    throw error
  }
  if (first.exceeded === null) return await storeIn(first)

  const denial = quotaExceeded(first.room, first.exceeded, file.received.maxBytes)
  // Without a key it is not here already: all that does not fit need not come.
  if (planned.scope === undefined && (await reachesSize(content, denial.leftBytes + 1))) throw denial
  // Once it has come it may turn out to be here already, or to be shorter than it could have been.
  const whole = await awaitWholeFile(content)
  const answeredMeanwhile = await earlier(whole)
  if (answeredMeanwhile !== undefined) return answeredMeanwhile
  const growth = { ...planned.growth, bytes: whole.size }
  const again = await reserve(needs, { ...planned, judgesType: false, growth })
  if (again.exceeded !== null) throw quotaExceeded(again.room, again.exceeded, whole.size)
  return await storeIn(again)
}

/** The key's answer was there a moment ago. */
function unanswered(): never {
  throw new AppError('conflict', 'Another upload under this Idempotency-Key was in the way. Send it again.')
}

async function awaitWholeFile(content: ReceivedFile['content']): Promise<{ size: number; sha256: Sha256 }> {
  return content.kind === 'spool' ? content.accepted : { size: content.bytes.length, sha256: content.sha256 }
}

/** Whether it has so many bytes: known as soon as they came, or it ended before. */
async function reachesSize(content: ReceivedFile['content'], bytes: number): Promise<boolean> {
  return (content.kind === 'spool' ? await content.available(bytes) : content.bytes.length) >= bytes
}

async function storeReceived(
  needs: StoreUploadNeeds,
  actor: Actor,
  { reserved, received, fileName, signal }: ReceivedUpload,
): Promise<CommitResult> {
  const { planned } = reserved
  const { firmId, documentId, documentType, right } = planned
  const { mimeType } = received.format
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const file = { contentType: mimeType, labels, content: received.content, signal }
  return storeUpload(needs, reserved, file, async (stored) => {
    const scanStatus = await received.scanStatus()
    const { scanStartedAt } = received
    const version = newVersionOf(stored, planned, { fileName, mimeType, scanStatus, scanStartedAt })
    // Up to its statement, a client that went away can be left without a document it never heard of.
    return right === 'documents.upload'
      ? needs.uploads.commitDocument(actor, version, signal)
      : commitVersion(needs, actor, { right, version, signal })
  })
}

type OfFile = Pick<NewVersion, 'fileName' | 'mimeType' | 'scanStatus' | 'scanStartedAt' | 'copyOf'>

/** The version that stored bytes become. */
export function newVersionOf(stored: StoredBlob, planned: PlannedUpload, ofFile: OfFile): NewVersion {
  const { size: fileSize, sha256, etag, objectVersionId, ...place } = stored
  const { firmId, documentId, documentType, right, scope } = planned
  const once = scope && { scope, fingerprint: fingerprintOf(planned, sha256) }
  const isNewDocument = right === 'documents.upload'
  return {
    ...place,
    etag,
    objectVersionId,
    sha256,
    fileSize,
    firmId,
    documentId,
    documentType,
    isNewDocument,
    idempotency: once,
    ...ofFile,
  }
}

type Asking = { firmId: FirmId; userId: UserId; right: UploadRight }

/** Undefined without a key. */
export function idempotencyScopeOf(
  { firmId, userId, right }: Asking,
  key: string | undefined,
): IdempotencyScope | undefined {
  const route = right === 'documents.upload' ? 'documents' : 'versions'
  return key === undefined ? undefined : { firmId, userId, route, key }
}

/** Whether its key was answered by now; the room that an answered one needs is no longer free. */
export async function isAnswered(
  { db }: StoreUploadNeeds,
  { isAnswered: wasAnswered, planned }: ReservedUpload,
): Promise<boolean> {
  return wasAnswered || (planned.scope !== undefined && (await findStoredAnswer(db, planned.scope)) !== undefined)
}

/** What a key stands for: the same bytes under the same type of a new document, or as a version of the same document. */
function fingerprintOf({ right, documentType, documentId }: PlannedUpload, sha256: Sha256): string {
  return `${right === 'documents.upload' ? documentType : documentId}:${sha256}`
}

/** The document that was answered under this key, as the version that it was then. Throws `conflict` when it stood for another file. */
async function findEarlierDocument(
  db: Db,
  { userId }: Actor,
  planned: PlannedUpload,
  sha256: Sha256,
): Promise<RecordedDocument | undefined> {
  const { scope, firmId, right } = planned
  const answer = scope && (await findStoredAnswer(db, scope))
  if (answer === undefined) return undefined
  const membership = await requireMembership(db, { userId, firmId, right: rights[right] })
  if (answer.fingerprint !== fingerprintOf(planned, sha256))
    throw new AppError('conflict', 'This Idempotency-Key was used for another file. Use a new key for a new file.')
  const seeing = { membership, confidentialRoles }
  const document = await findDocument(db, seeing, answer.documentId, answer.version)
  if (document === undefined)
    throw new AppError('conflict', 'The document of this Idempotency-Key is gone. Use a new key to hand it in again.')
  return { ...document, duplicateOf: await findDuplicate(db, seeing, document) }
}
