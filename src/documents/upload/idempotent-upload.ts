import type { CommitUpload, CommitResult, NewVersion, RecordedDocument } from '../../database/blobs/commit-upload.ts'
import { findStoredAnswer, type IdempotencyScope } from '../../database/blobs/idempotency-keys.ts'
import type { Db } from '../../database/connection/client.ts'
import { findDocument } from '../../database/documents/documents.ts'
import { findDuplicate } from '../../database/documents/find-duplicate.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId, Sha256, UserId } from '../../vocabulary/vocabulary.ts'
import { quotaExceeded } from './quota-error.ts'
import type { ReceivedFile } from './receive-file.ts'
import {
  type PlannedUpload,
  releaseReservation,
  reserve,
  type ReservedUpload,
  type StoredBlob,
  storeUpload,
  type StoreUploadNeeds,
  type UploadRight,
} from './store-upload.ts'

type UploadToCommit = {
  reserved: ReservedUpload
  received: ReceivedFile
  fileName: string
  commit: CommitUpload
  signal: AbortSignal
}

/**
 * Stores a file as a new document or version, once per idempotency key. A replay of a finished upload returns the first
 * one's document and stores nothing. The commit decides between two at the same time, so a key never has two documents,
 * also if the process dies between any two lines here.
 */
export async function storeOnce(
  needs: StoreUploadNeeds,
  actor: Actor,
  { reserved: first, ...file }: UploadToCommit,
): Promise<RecordedDocument> {
  const { planned } = first
  const { content } = file.received
  const findEarlier = async ({ sha256 }: WholeFile) => findEarlierDocument(needs.db, actor, planned, sha256)
  const storeIn = async (reserved: ReservedUpload) => {
    const committed = await storeReceived(needs, actor, { reserved, ...file })
    if (committed.outcome === 'committed') return committed.document
    return (await findEarlier(await awaitWholeFile(content))) ?? throwUnanswered()
  }
  try {
    const earlier = first.isAnswered ? await findEarlier(await awaitWholeFile(content)) : undefined
    if (earlier !== undefined) {
      await releaseReservation(needs, first)
      return earlier
    }
  } catch (error) {
    await releaseReservation(needs, first)
    throw error
  }
  if (first.exceeded === null) return await storeIn(first)

  // There was no room for the file's maximum length. Without a key it cannot be a replay: a file that is too large for the
  // room left need not arrive in full.
  const denial = quotaExceeded(first.room, first.exceeded, file.received.maxBytes)
  if (planned.scope === undefined && (await reachesSize(content, denial.leftBytes + 1))) throw denial
  // The complete file may be a replay after all, or shorter than its maximum.
  const whole = await awaitWholeFile(content)
  const earlier = await findEarlier(whole)
  if (earlier !== undefined) return earlier
  const addedUsage = { ...planned.addedUsage, bytes: whole.size }
  const again = await reserve(needs, { ...planned, checksType: false, addedUsage })
  if (again.exceeded !== null) throw quotaExceeded(again.room, again.exceeded, whole.size)
  return await storeIn(again)
}

/** The key had an answer a moment ago. */
export function throwUnanswered(): never {
  throw new AppError('conflict', 'Another upload with this Idempotency-Key was in progress. Send it again.')
}

type WholeFile = { size: number; sha256: Sha256 }

export async function awaitWholeFile(content: ReceivedFile['content']): Promise<WholeFile> {
  return content.kind === 'spool' ? content.accepted : { size: content.bytes.length, sha256: content.sha256 }
}

/** Whether the file has at least this many bytes. Resolves as soon as they have arrived, or the file has ended. */
async function reachesSize(content: ReceivedFile['content'], bytes: number): Promise<boolean> {
  return (content.kind === 'spool' ? await content.available(bytes) : content.bytes.length) >= bytes
}

async function storeReceived(
  needs: StoreUploadNeeds,
  actor: Actor,
  { reserved, received, fileName, commit, signal }: UploadToCommit,
): Promise<CommitResult> {
  const { planned } = reserved
  const { firmId, documentId, documentType } = planned
  const { content, scanStartedAt } = received
  const { mimeType } = received.format
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  return storeUpload(needs, reserved, { contentType: mimeType, labels, content, signal }, async (stored) => {
    const scanStatus = await received.scanStatus()
    // The signal: until the commit is sent, a client that left gets no document that it never hears of.
    return commit(actor, newVersionOf(stored, planned, { fileName, mimeType, scanStatus, scanStartedAt }), signal)
  })
}

type FileFacts = Pick<NewVersion, 'fileName' | 'mimeType' | 'scanStatus' | 'scanStartedAt' | 'copyOf'>

/** The version that a stored blob becomes. */
export function newVersionOf(stored: StoredBlob, planned: PlannedUpload, facts: FileFacts): NewVersion {
  const { size: fileSize, sha256, etag, objectVersionId, ...location } = stored
  const { firmId, documentId, documentType, right, scope } = planned
  const idempotency = scope && { scope, fingerprint: fingerprintOf(planned, sha256) }
  const isNewDocument = right === 'documents.upload'
  const document = { firmId, documentId, documentType, isNewDocument }
  return { ...location, ...document, ...facts, etag, objectVersionId, sha256, fileSize, idempotency }
}

type UploadIdentity = { firmId: FirmId; userId: UserId; right: UploadRight }

/** Undefined without a key. */
export function idempotencyScopeOf(
  { firmId, userId, right }: UploadIdentity,
  key: string | undefined,
): IdempotencyScope | undefined {
  const route = right === 'documents.upload' ? 'documents' : 'versions'
  return key === undefined ? undefined : { firmId, userId, route, key }
}

/** Whether the idempotency key has an answer by now. That upload may have used the room that this one lacks. */
export async function isAnswered(
  { db }: StoreUploadNeeds,
  { isAnswered: wasAnswered, planned }: ReservedUpload,
): Promise<boolean> {
  return wasAnswered || (planned.scope !== undefined && (await findStoredAnswer(db, planned.scope)) !== undefined)
}

/** Uploads with the same key must have the same bytes and the same type, or the same document for a version. */
function fingerprintOf({ right, documentType, documentId }: PlannedUpload, sha256: Sha256): string {
  return `${right === 'documents.upload' ? documentType : documentId}:${sha256}`
}

/** The version that this key was answered with. Throws `conflict` if the key was used for another file. */
export async function findEarlierDocument(
  db: Db,
  caller: Actor,
  planned: PlannedUpload,
  sha256: Sha256,
): Promise<RecordedDocument | undefined> {
  const { scope, firmId, right } = planned
  const answer = scope && (await findStoredAnswer(db, scope))
  if (answer === undefined) return undefined
  const membership = await requireMembership(db, { caller, firmId, right: rights[right] })
  if (answer.fingerprint !== fingerprintOf(planned, sha256))
    throw new AppError('conflict', 'This Idempotency-Key was used for another file. Use a new key for a new file.')
  const seeing = { membership, confidentialRoles }
  const document = await findDocument(db, seeing, answer.documentId, answer.version)
  if (document === undefined)
    throw new AppError('conflict', 'The document of this Idempotency-Key was removed. Upload it again with a new key.')
  return { ...document, duplicateOf: await findDuplicate(db, seeing, document) }
}

/** An earlier document of the firm with the content of this one. Undefined also for a person who lost the right since it was stored. */
export async function findEarlierCopy(
  db: Db,
  caller: Actor,
  { firmId, documentId }: { firmId: FirmId; documentId: DocumentId },
): Promise<DocumentId | undefined> {
  try {
    const membership = await requireMembership(db, { caller, firmId, right: rights['documents.upload'] })
    const seeing = { membership, confidentialRoles }
    const document = await findDocument(db, seeing, documentId)
    return (document && (await findDuplicate(db, seeing, document))) ?? undefined
  } catch (error) {
    if (error instanceof AccessDenied) return undefined
    throw error
  }
}
