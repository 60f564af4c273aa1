import { randomUUID } from 'node:crypto'

import type { IdempotencyScope } from '../database/idempotency.ts'
import type { Membership } from '../database/membership.ts'
import type { RecordedDocument } from '../database/record-version.ts'
import { storageKeyOf } from '../storage/storage-key.ts'
import type { Actor, DocumentId, Sha256 } from '../vocabulary.ts'
import { AnsweredBefore, findEarlierDocument, fingerprintOf } from './answered-before.ts'
import type { KeepBytesNeeds } from './keep-bytes.ts'
import { keepWithFallback } from './keep-with-fallback.ts'
import type { Received } from './receive-file.ts'
import { recordKept } from './record-kept.ts'

/** A file that was let in, and on whose word. */
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

/**
 * Keeps a file as a new document or a new version; under one idempotency key once: whoever comes second gets the first
 * one's document.
 */
export async function keepOnce(needs: KeepBytesNeeds, admitted: Admitted): Promise<RecordedDocument> {
  const { membership, received } = admitted
  const once = onceOf(admitted)
  const earlier = async (sha256: Sha256) =>
    once && findEarlierDocument(needs.db, membership, once.scope, fingerprintOf(once.paper, sha256))

  if (received.content.kind === 'memory') {
    const answered = await earlier(received.content.sha256)
    if (answered !== undefined) return answered
  }
  try {
    return await keep(needs, admitted, once)
  } catch (error) {
    const answered = error instanceof AnsweredBefore ? await earlier(error.sha256) : undefined
    if (answered === undefined) throw error
    return answered
  }
}

/** The scope of an idempotency key, and what it stands for beside the bytes. */
export type Once = { scope: IdempotencyScope; paper: string }

async function keep(needs: KeepBytesNeeds, admitted: Admitted, once: Once | undefined): Promise<RecordedDocument> {
  const { actor, membership, documentType, newVersionOf, fileName, received, signal } = admitted
  const { firmId } = membership
  const documentId = newVersionOf ?? (randomUUID() as DocumentId) // just made, so it names nothing else
  const [extension] = received.format.extensions
  const makeKey = () => storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension })
  const { mimeType } = received.format
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const file = { contentType: mimeType, labels, content: received.content, signal }

  return await keepWithFallback(needs, { firmId, uploadedBy: actor.userId, file, makeKey }, async (trx, kept) =>
    recordKept(trx, actor, kept, {
      right: newVersionOf === undefined ? 'documents.upload' : 'documents.add_version',
      firmId,
      documentId,
      documentType,
      fileName,
      mimeType,
      // Known by now: a store completes nothing before.
      scanStatus: await received.scanStatus(),
      once,
    }),
  )
}

function onceOf({ membership, newVersionOf, documentType, idempotencyKey }: Admitted): Once | undefined {
  if (idempotencyKey === undefined) return undefined
  const route = newVersionOf === undefined ? 'documents' : 'versions'
  return {
    scope: { firmId: membership.firmId, userId: membership.userId, route, key: idempotencyKey },
    paper: newVersionOf ?? documentType,
  }
}
