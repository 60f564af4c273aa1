import { randomUUID } from 'node:crypto'

import type { Db, Tx } from '../database/client.ts'
import { findDocument, findDuplicate, lockDocument, type Seeing } from '../database/documents.ts'
import { recordEvent } from '../database/events.ts'
import { findAnswer, type IdempotencyScope, rememberAnswer } from '../database/idempotency.ts'
import { type Membership, requireMembership } from '../database/membership.ts'
import type { Growth } from '../database/quotas.ts'
import {
  type NewVersion,
  type RecordedDocument,
  recordNewDocument,
  recordNewVersion,
} from '../database/record-version.ts'
import { AppError } from '../errors.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Scanner } from '../scanner/scanner.ts'
import { storageKeyOf } from '../storage/storage-key.ts'
import type { Actor, DocumentId, FirmId, ScanStatus, Sha256 } from '../vocabulary.ts'
import { noSuchDocument } from './access-document.ts'
import { QuotaExceeded } from './assert-room.ts'
import { assertNotInTrash, assertServable } from './assert-servable.ts'
import type { Received } from './receive-file.ts'
import { type Stored, storeUpload, type StoreUploadNeeds } from './store-upload.ts'

export type Admitted = {
  actor: Actor
  membership: Membership
  documentType: string
  /** The document that it becomes the newest version of; undefined: a new one. */
  newVersionOf: DocumentId | undefined
  fileName: string
  received: Received
  idempotencyKey: string | undefined
  signal: AbortSignal
}

/** Stores a file as a new document or version, once per idempotency key; a replay gets the first one's document. */
export async function keepOnce(needs: StoreUploadNeeds, admitted: Admitted): Promise<RecordedDocument> {
  const { membership, received } = admitted
  const once = onceOf(admitted)
  const earlier = async (sha256: Sha256) =>
    once && findEarlierDocument(needs.db, membership, once.scope, fingerprintOf(once.paper, sha256))
  const keepIn = async (mostBytes: number) => {
    try {
      return await keep(needs, admitted, { once, mostBytes })
    } catch (error) {
      const answered = error instanceof AnsweredBefore ? await earlier(error.sha256) : undefined
      if (answered === undefined) throw error
      return answered
    }
  }

  const { content, mostBytes } = received
  const answered = content.kind === 'memory' ? await earlier(content.sha256) : undefined
  if (answered !== undefined) return answered
  try {
    return await keepIn(mostBytes)
  } catch (error) {
    if (!(error instanceof QuotaExceeded)) throw error
    // Without a key it is not here already: all that does not fit need not come.
    if (once === undefined && (await comesTo(content, error.leftBytes + 1))) throw error
    // Once it has come it may turn out to be here already, or to be shorter than it could have been.
    const { size, sha256 } = await wholeOf(content)
    const answeredMeanwhile = await earlier(sha256)
    if (answeredMeanwhile !== undefined) return answeredMeanwhile
    if (size === mostBytes) throw error
    return await keepIn(size)
  }
}

async function wholeOf(content: Received['content']): Promise<{ size: number; sha256: Sha256 }> {
  return content.kind === 'spool' ? content.accepted : { size: content.bytes.length, sha256: content.sha256 }
}

/** Whether it has so many bytes: known as soon as they came, or it ended before. */
async function comesTo(content: Received['content'], bytes: number): Promise<boolean> {
  return (content.kind === 'spool' ? await content.available(bytes) : content.bytes.length) >= bytes
}

type Keeping = { once: Once | undefined; mostBytes: number }

async function keep(
  needs: StoreUploadNeeds,
  admitted: Admitted,
  { once, mostBytes }: Keeping,
): Promise<RecordedDocument> {
  const { actor, membership, documentType, newVersionOf, fileName, received, signal } = admitted
  const { mimeType, extensions } = received.format
  const about = { documentType, fileName, mimeType, mostBytes, signal, once }
  return storeVersion(needs, actor, {
    right: newVersionOf === undefined ? 'documents.upload' : 'documents.add_version',
    firmId: membership.firmId,
    documentId: newVersionOf ?? (randomUUID() as DocumentId), // just made, so it names nothing else
    ...about,
    content: received.content,
    extension: extensions[0],
    scan: async () => ({
      scanStatus: await received.scanStatus(),
      scannedSecondsAgo: (performance.now() - received.scanBegunAt) / 1000,
    }),
  })
}

type VersionToStore = Omit<PaperToRecord, 'scanStatus' | 'scannedSecondsAgo'> & {
  content: Received['content']
  /** How long it is at most. */
  mostBytes: number
  extension: string
  signal: AbortSignal
  /** Asked when the bytes are durable; a store completes nothing before the scan has ended. */
  scan: () => Promise<Pick<PaperToRecord, 'scanStatus' | 'scannedSecondsAgo'>>
}

/** Stores bytes as a version, and makes it the newest one of its document. */
export async function storeVersion(
  needs: StoreUploadNeeds,
  actor: Actor,
  { content, mostBytes, extension, signal, scan, ...paper }: VersionToStore,
): Promise<RecordedDocument> {
  const { right, firmId, documentId, documentType, fileName, mimeType, once } = paper
  const makeKey = () => storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension })
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const file = { contentType: mimeType, labels, content, signal }
  const growth: Growth = { bytes: mostBytes, documents: right === 'documents.upload' ? 1 : 0 }
  const newFile = { firmId, documentId, file, growth, scope: once?.scope, makeKey }
  return storeUpload(needs, newFile, async (trx, stored) =>
    recordKept(trx, actor, stored, { ...paper, ...(await scan()) }),
  )
}

function onceOf({ membership, newVersionOf, documentType, idempotencyKey }: Admitted): Once | undefined {
  const scope = scopeOf(membership, newVersionOf, idempotencyKey)
  return scope && { scope, paper: newVersionOf ?? documentType }
}

/** Undefined without a key. */
export function scopeOf(
  { firmId, userId }: Membership,
  newVersionOf: DocumentId | undefined,
  key: string | undefined,
): IdempotencyScope | undefined {
  return key === undefined
    ? undefined
    : { firmId, userId, route: newVersionOf === undefined ? 'documents' : 'versions', key }
}

/** The scope of an idempotency key, and what it stands for beside the bytes. */
type Once = { scope: IdempotencyScope; paper: string }

type PaperToRecord = {
  right: 'documents.upload' | 'documents.add_version' | 'documents.restore_version'
  firmId: FirmId
  documentId: DocumentId
  documentType: string
  fileName: string
  mimeType: string
  scanStatus: ScanStatus
  scannedSecondsAgo?: number
  once?: Once | undefined
  /** The version whose bytes these are, and who scans. */
  restored?: { version: number; scanner: Scanner | undefined }
}

/** Writes the version of stored bytes in one transaction: right, rows, idempotency key, event. Throws `AnsweredBefore`. */
async function recordKept(trx: Tx, actor: Actor, kept: Stored, paper: PaperToRecord): Promise<RecordedDocument> {
  const { right, firmId, documentId, once } = paper
  const { size: fileSize, sha256, etag, objectVersionId } = kept
  // The body may have taken minutes: whoever lost the right meanwhile hands in nothing any more.
  const membership = await requireMembership(trx, { userId: actor.userId, firmId, right: rights[right] })
  const seeing = { membership, confidentialRoles }
  const version = { ...kept, ...paper, fileSize, etag, objectVersionId }
  const document =
    right === 'documents.upload'
      ? await recordNewDocument(trx, actor, seeing, version)
      : await addToDocument(trx, actor, seeing, version)
  if (once !== undefined) {
    const answer = { fingerprint: fingerprintOf(once.paper, sha256), documentId, version: document.version }
    // The unique key decides who was first.
    if (!(await rememberAnswer(trx, once.scope, answer))) throw new AnsweredBefore(sha256)
  }
  await recordEvent(trx, actor, {
    action: rights[right].event,
    outcome: 'ok',
    firmId,
    documentId,
    version: document.version,
    details: {
      sha256,
      bytes: fileSize,
      store: kept.store,
      ...(paper.restored !== undefined && { restored: paper.restored.version }),
    },
  })
  return document
}

async function addToDocument(
  trx: Tx,
  actor: Actor,
  seeing: Seeing,
  version: NewVersion & Pick<PaperToRecord, 'restored'>,
): Promise<RecordedDocument> {
  const { documentId, restored } = version
  const current = await lockDocument(trx, seeing, documentId)
  if (current === undefined) throw noSuchDocument()
  assertNotInTrash(current)
  if (restored === undefined) return recordNewVersion(trx, actor, seeing, version)

  // The same bytes: what is known of them by now holds for the copy.
  const old = await findDocument(trx, seeing, documentId, restored.version)
  if (old === undefined) throw noSuchDocument(restored.version)
  assertServable(old, restored)
  return recordNewVersion(trx, actor, seeing, { ...version, scanStatus: old.scanStatus, copyOf: old.version })
}

/** Another request with the same idempotency key was first; thrown inside the transaction that it won. */
class AnsweredBefore extends Error {
  override readonly name = 'AnsweredBefore'
  readonly sha256: Sha256

  constructor(sha256: Sha256) {
    super('this idempotency key was answered before')
    this.sha256 = sha256
  }
}

/** What a key stands for: the same bytes as the same paper, a type of a new document or the document of a new version. */
function fingerprintOf(paper: string, sha256: Sha256): string {
  return `${paper}:${sha256}`
}

/** The document that was answered under this key, as the version that it was then. Throws `conflict` when it stood for another file. */
async function findEarlierDocument(
  db: Db,
  membership: Membership,
  scope: IdempotencyScope,
  fingerprint: string,
): Promise<RecordedDocument | undefined> {
  const answer = await findAnswer(db, scope)
  if (answer === undefined) return undefined
  if (answer.fingerprint !== fingerprint)
    throw new AppError('conflict', 'This Idempotency-Key was used for another file. Use a new key for a new file.')
  const seeing = { membership, confidentialRoles }
  const document = await findDocument(db, seeing, answer.documentId, answer.version)
  if (document === undefined)
    throw new AppError('conflict', 'The document of this Idempotency-Key is gone. Use a new key to hand it in again.')
  return { ...document, duplicateOf: await findDuplicate(db, seeing, document) }
}
