import { randomUUID } from 'node:crypto'

import type { Tx } from '../database/client.ts'
import type { DocumentType } from '../database/document-types.ts'
import type { DocumentRecord } from '../database/documents.ts'
import { recordEvent } from '../database/events.ts'
import { type IdempotencyScope, rememberAnswer } from '../database/idempotency.ts'
import { type Membership, requireMembership } from '../database/membership.ts'
import { recordNewDocument } from '../database/record-version.ts'
import { rights } from '../people/rights.ts'
import { storageKeyOf } from '../storage/storage-key.ts'
import type { Actor, DocumentId, Sha256 } from '../vocabulary.ts'
import { AnsweredBefore, findEarlierDocument, fingerprintOf } from './answered-before.ts'
import type { KeepBytesNeeds } from './keep-bytes.ts'
import { keepWithFallback } from './keep-with-fallback.ts'
import type { Received } from './receive-file.ts'

/** A file that was let in, and on whose word. */
export type Admitted = {
  actor: Actor
  membership: Membership
  type: DocumentType
  fileName: string
  received: Received
  idempotencyKey: string | undefined
  signal: AbortSignal
}

/** Keeps a file as a new document; under one idempotency key once: whoever comes second gets the first one's document. */
export async function keepOnce(needs: KeepBytesNeeds, admitted: Admitted): Promise<DocumentRecord> {
  const { membership, type, received } = admitted
  const scope = scopeOf(admitted)
  const earlier = async (sha256: Sha256) =>
    scope && findEarlierDocument(needs.db, membership, scope, fingerprintOf(type.code, sha256))

  if (received.content.kind === 'memory') {
    const answered = await earlier(received.content.sha256)
    if (answered !== undefined) return answered
  }
  try {
    return await keep(needs, admitted, scope)
  } catch (error) {
    const answered = error instanceof AnsweredBefore ? await earlier(error.sha256) : undefined
    if (answered === undefined) throw error
    return answered
  }
}

async function keep(
  needs: KeepBytesNeeds,
  admitted: Admitted,
  scope: IdempotencyScope | undefined,
): Promise<DocumentRecord> {
  const { actor, membership, type, fileName, received, signal } = admitted
  const { firmId } = membership
  const documentId = randomUUID() as DocumentId // just made, so it names nothing else
  const [extension] = received.format.extensions
  const makeKey = () => storageKeyOf({ firmId, documentType: type.code, uuid: randomUUID(), extension })
  const labels = { originalFileName: fileName, documentType: type.code, firmId, documentId }
  const file = { contentType: received.format.mimeType, labels, content: received.content, signal }

  return await keepWithFallback(needs, { firmId, uploadedBy: actor.userId, file, makeKey }, async (trx, kept) => {
    const { size: fileSize, sha256, etag, objectVersionId, store, storeId, key, isFallback } = kept
    // The body may have taken minutes: whoever lost the right meanwhile hands in nothing any more.
    await requireMembership(trx, { userId: actor.userId, firmId, right: rights['documents.upload'] })
    if (scope !== undefined) await claimKey(trx, scope, { type, documentId, sha256 })
    // Known by now: a store completes nothing before.
    const scanStatus = await received.scanStatus()
    const document = await recordNewDocument(trx, actor, {
      store,
      storeId,
      key,
      isFallback,
      firmId,
      documentId,
      documentType: type.code,
      fileName,
      fileSize,
      mimeType: file.contentType,
      sha256,
      etag,
      objectVersionId,
      scanStatus,
    })
    const details = { sha256, bytes: fileSize, store }
    await recordEvent(trx, actor, {
      action: 'document.uploaded',
      outcome: 'ok',
      firmId,
      documentId,
      version: 1,
      details,
    })
    return document
  })
}

/** The unique key decides who was first; throws `AnsweredBefore` to whoever was not, which undoes the transaction. */
async function claimKey(
  trx: Tx,
  scope: IdempotencyScope,
  { type, documentId, sha256 }: { type: DocumentType; documentId: DocumentId; sha256: Sha256 },
): Promise<void> {
  const answer = { fingerprint: fingerprintOf(type.code, sha256), documentId, version: 1 }
  if (!(await rememberAnswer(trx, scope, answer))) throw new AnsweredBefore(sha256)
}

function scopeOf({ membership, idempotencyKey }: Admitted): IdempotencyScope | undefined {
  if (idempotencyKey === undefined) return undefined
  return { firmId: membership.firmId, userId: membership.userId, route: 'documents', key: idempotencyKey }
}
