import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'

import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import { type DocumentType, findDocumentType } from '../database/document-types.ts'
import { findDocument, type DocumentRecord } from '../database/documents.ts'
import { recordEvent } from '../database/events.ts'
import { type IdempotencyScope, rememberAnswer } from '../database/idempotency.ts'
import type { Membership } from '../database/membership.ts'
import { recordNewDocument } from '../database/record-version.ts'
import { AppError } from '../errors.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles } from '../people/rights.ts'
import { storageKeyOf } from '../storage/storage-key.ts'
import type { Actor, DocumentId, FirmId, Sha256, UploadId } from '../vocabulary.ts'
import { requireFileName } from './check-file-name.ts'
import { defaultMimeTypes } from './formats.ts'
import { keepBytes } from './keep-bytes.ts'
import { AnsweredBefore, fingerprintOf, findEarlierDocument } from './answered-before.ts'
import { type Received, receiveFile, type ReceiveNeeds } from './receive-file.ts'
import { assertSomewhereToGo, choosePlace, type Stores } from './stores.ts'

export type UploadNeeds = ReceiveNeeds & { db: Db; stores: Stores; log: Logger; maxUploadBytes: number }

export type UploadRequest = {
  firmId: FirmId
  /** Code or id. */
  documentType: string
  /** Begins to read the body; called only when the person may upload. */
  openFile: () => Promise<{ fileName: string | undefined; bytes: Readable }>
  declaredBytes: number | undefined
  /** What the client says that the file hashes to. */
  expectedSha256: string | undefined
  idempotencyKey: string | undefined
  signal: AbortSignal
}

/** What an upload guarantees stands in the contract §3, and in this order: allowed, received, kept. */
export async function upload(needs: UploadNeeds, actor: Actor, request: UploadRequest): Promise<DocumentRecord> {
  const membership = await requireRight(needs, actor, 'documents.upload', { firmId: request.firmId })
  const type = await requireActiveType(needs.db, request.documentType)
  assertSomewhereToGo(needs.stores)
  const file = await request.openFile()
  const fileName = requireFileName(file.fileName)

  const received = await receiveFile(needs, {
    ...request,
    bytes: file.bytes,
    fileName,
    maxBytes: Math.min(needs.maxUploadBytes, type.maxBytes ?? Infinity),
    allowedMimeTypes: type.allowedTypes ?? defaultMimeTypes,
  })
  try {
    return await keepOnce(needs, { actor, membership, type, fileName, received, request })
  } finally {
    await received.release()
  }
}

type Accepted = {
  actor: Actor
  membership: Membership
  type: DocumentType
  fileName: string
  received: Received
  request: UploadRequest
}

/** Under one idempotency key a file is kept once: whoever comes second gets the first one's document. */
async function keepOnce(needs: UploadNeeds, accepted: Accepted): Promise<DocumentRecord> {
  const { membership, type, received } = accepted
  const scope = scopeOf(accepted)
  const earlier = async (sha256: Sha256) =>
    scope && findEarlierDocument(needs.db, membership, scope, fingerprintOf(type.code, sha256))

  if (received.content.kind === 'memory') {
    const answered = await earlier(received.content.sha256)
    if (answered !== undefined) return answered
  }
  try {
    return await keep(needs, accepted, scope)
  } catch (error) {
    if (!(error instanceof AnsweredBefore)) throw error
    const answered = await earlier(error.sha256)
    if (answered === undefined)
      throw new AppError('conflict', 'Another request with this Idempotency-Key is being answered. Try again.', {
        cause: error,
      })
    return answered
  }
}

async function keep(
  needs: UploadNeeds,
  accepted: Accepted,
  scope: IdempotencyScope | undefined,
): Promise<DocumentRecord> {
  const { actor, membership, type, fileName, received, request } = accepted
  const { firmId } = membership
  const documentId = randomUUID() as DocumentId
  const place = choosePlace(
    needs.stores,
    storageKeyOf({ firmId, documentType: type.code, uuid: randomUUID(), extension: received.format.extensions[0] }),
  )
  const file = {
    contentType: received.format.mimeType,
    labels: { originalFileName: fileName, documentType: type.code, firmId, documentId },
    content: received.content,
    signal: request.signal,
  }

  await keepBytes(
    needs,
    { ...place, id: randomUUID() as UploadId, firmId, uploadedBy: actor.userId },
    file,
    async (trx, stored) => {
      if (
        scope !== undefined &&
        !(await rememberAnswer(trx, scope, {
          fingerprint: fingerprintOf(type.code, stored.sha256),
          documentId,
          version: 1,
        }))
      )
        throw new AnsweredBefore(stored.sha256)
      await recordNewDocument(trx, actor, {
        ...place,
        firmId,
        documentId,
        documentType: type.code,
        fileName,
        fileSize: stored.size,
        mimeType: received.format.mimeType,
        sha256: stored.sha256,
        etag: stored.etag,
        objectVersionId: stored.objectVersionId,
        scanStatus: 'skipped',
      })
      await recordEvent(trx, actor, {
        action: 'document.uploaded',
        outcome: 'ok',
        firmId,
        documentId,
        version: 1,
        details: { sha256: stored.sha256, bytes: stored.size, store: place.store },
      })
    },
  )

  const document = await findDocument(needs.db, { membership, confidentialRoles }, documentId)
  if (document === undefined)
    throw new AppError(
      'internal',
      'The document was kept, but could not be read back. Look at the list before you send it again.',
    )
  return document
}

async function requireActiveType(db: Db, codeOrId: string): Promise<DocumentType> {
  const type = await findDocumentType(db, codeOrId)
  if (type?.isActive === true) return type
  const message = 'There is no such document type. GET /api/v1/document-types lists them.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'document_type', message }] })
}

function scopeOf({ membership, request }: Accepted): IdempotencyScope | undefined {
  if (request.idempotencyKey === undefined) return undefined
  return { firmId: membership.firmId, userId: membership.userId, route: 'documents', key: request.idempotencyKey }
}
