import type { Tx } from '../database/client.ts'
import { findDocument, type Seeing } from '../database/documents.ts'
import { recordEvent } from '../database/events.ts'
import { type IdempotencyScope, rememberAnswer } from '../database/idempotency.ts'
import { lockDocument } from '../database/lock-document.ts'
import { requireMembership } from '../database/membership.ts'
import {
  type NewVersion,
  recordNewDocument,
  recordNewVersion,
  type RecordedDocument,
} from '../database/record-version.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Scanner } from '../scanner/scanner.ts'
import type { Actor, DocumentId, FirmId, ScanStatus } from '../vocabulary.ts'
import { noSuchDocument } from './access-document.ts'
import { AnsweredBefore, fingerprintOf } from './answered-before.ts'
import { assertNotInTrash, assertServable } from './assert-servable.ts'
import type { Stored } from './store-upload.ts'

/** The scope of an idempotency key, and what it stands for beside the bytes. */
export type Once = { scope: IdempotencyScope; paper: string }

export type PaperToRecord = {
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

/**
 * In the transaction that makes kept bytes a version: the right once more, the rows, the idempotency key, the event.
 * Throws the refusal, `not_found`, `gone`, and `AnsweredBefore` to whoever was not the first under the key; each undoes
 * the transaction.
 */
export async function recordKept(trx: Tx, actor: Actor, kept: Stored, paper: PaperToRecord): Promise<RecordedDocument> {
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
