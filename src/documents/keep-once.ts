import { randomUUID } from 'node:crypto'

import type { IdempotencyScope } from '../database/idempotency.ts'
import type { Membership } from '../database/membership.ts'
import type { Growth } from '../database/quotas.ts'
import type { RecordedDocument } from '../database/record-version.ts'
import { storageKeyOf } from '../storage/storage-key.ts'
import type { Actor, DocumentId, Sha256 } from '../vocabulary.ts'
import { AnsweredBefore, findEarlierDocument, fingerprintOf } from './answered-before.ts'
import { QuotaExceeded } from './assert-room.ts'
import type { Received } from './receive-file.ts'
import { type Once, recordKept } from './record-kept.ts'
import { storeUpload, type StoreUploadNeeds } from './store-upload.ts'

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
  const { firmId } = membership
  const documentId = newVersionOf ?? (randomUUID() as DocumentId) // just made, so it names nothing else
  const [extension] = received.format.extensions
  const makeKey = () => storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension })
  const { mimeType } = received.format
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const file = { contentType: mimeType, labels, content: received.content, signal }

  const growth: Growth = { bytes: mostBytes, documents: newVersionOf === undefined ? 1 : 0 }

  const newFile = { firmId, documentId, file, growth, scope: once?.scope, makeKey }
  return await storeUpload(needs, newFile, async (trx, stored) =>
    recordKept(trx, actor, stored, {
      right: newVersionOf === undefined ? 'documents.upload' : 'documents.add_version',
      firmId,
      documentId,
      documentType,
      fileName,
      mimeType,
      // Known by now: a store completes nothing before.
      scanStatus: await received.scanStatus(),
      scannedSecondsAgo: (performance.now() - received.scanBegunAt) / 1000,
      once,
    }),
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
