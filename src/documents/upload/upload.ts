import { randomUUID } from 'node:crypto'

import type { RecordedDocument } from '../../database/blobs/commit-upload.ts'
import { type DocumentType, findDocumentType } from '../../database/documents/document-types.ts'
import { requireMembership } from '../../database/people/membership.ts'
import { AppError } from '../../errors/app-error.ts'
import { traced } from '../../logging/spans.ts'
import { recordDenial } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { logAccess } from '../access-document.ts'
import { isTooLargeForRoom, quotaExceeded } from './assert-quota.ts'
import { requireFileName } from './file-name.ts'
import { defaultMimeTypes } from '../formats/formats.ts'
import { assertDeclaredSize } from './read-upload.ts'
import { type FileWithHead, readFileHead, type OpenedFile, receiveFile, type ReceiveNeeds } from './receive-file.ts'
import { isAnswered, idempotencyScopeOf, storeOnce } from './idempotent-upload.ts'
import {
  type PlannedUpload,
  reserve,
  type ReservedUpload,
  type StoreUploadNeeds,
  releaseReservation,
} from './store-upload.ts'
import { toAppError, assertStoreAvailable } from '../stores/stores.ts'

export type UploadNeeds = ReceiveNeeds & StoreUploadNeeds & { maxUploadBytes: number }

/** A file on its way in. */
export type IncomingUpload = {
  /** Begins to read the body. */
  openFile: () => Promise<OpenedFile>
  /** The body's length as the client declares it; undefined when it does not say. */
  declaredBytes: number | undefined
  /** What the client says that the file hashes to. */
  expectedSha256: string | undefined
  idempotencyKey: string | undefined
  signal: AbortSignal
}

/** `documentType`: code or id. */
type UploadRequest = IncomingUpload & { firmId: FirmId; documentType: string }

/**
 * Stores a file as a new document. What an upload guarantees stands in the contract §3. Its order: the first bytes, then
 * the right with type and room (one statement), the rest of the bytes, the store, the commit (one statement). Whatever is
 * said of the file is said only to who may upload it.
 */
export async function upload(needs: UploadNeeds, actor: Actor, request: UploadRequest): Promise<RecordedDocument> {
  const { firmId } = request
  const event = { action: rights['documents.upload'].event, firmId }
  try {
    const document = await recordDenial(needs.db, actor, event, async () => {
      const code = await resolveTypeCode(needs, request.documentType)
      const file = await beginUpload(needs, request).catch(async (error: unknown) => {
        await requireMembership(needs.db, { userId: actor.userId, firmId, right: rights['documents.upload'] })
        throw error
      })
      const of = { documentId: randomUUID() as DocumentId, documentType: code, judgesType: true } // just made
      return receiveAndStore(needs, actor, { ...request, file, type: undefined, right: 'documents.upload', ...of })
    })
    logAccess(needs.log, actor, { right: 'documents.upload', firmId, documentId: document.id, outcome: 'ok' })
    return document
  } catch (error) {
    throw toAppError(error)
  }
}

/** Reads the first bytes. Throws `store_unavailable`, `too_large` for what no type allows, and what is wrong with the form. */
export async function beginUpload(
  needs: UploadNeeds,
  { openFile, declaredBytes, signal }: IncomingUpload,
): Promise<FileWithHead> {
  assertStoreAvailable(needs.stores)
  assertDeclaredSize(declaredBytes, needs.maxUploadBytes)
  return readFileHead(await openFile(), signal)
}

/** What a document's type says of its files. */
export type TypeLimits = Pick<DocumentType, 'maxBytes' | 'allowedTypes'>

/** `type`: what is known of it; undefined where the database judges it. */
export type UploadToStore = IncomingUpload &
  Pick<PlannedUpload, 'right' | 'firmId' | 'documentId' | 'documentType' | 'judgesType'> & {
    file: FileWithHead
    type: TypeLimits | undefined
  }

/** Reserves room, receives the rest within the limits of the type, and stores it. */
export async function receiveAndStore(
  needs: UploadNeeds,
  actor: Actor,
  uploading: UploadToStore,
): Promise<RecordedDocument> {
  const reserved = await reserve(needs, planUpload(needs, actor, uploading))
  const { received, fileName } = await receiveReserved(needs, uploading, reserved).catch(async (error: unknown) => {
    await releaseReservation(needs, reserved)
    throw error
  })
  let isDone = false
  try {
    return await traced('store file', async (span) => {
      const { signal } = uploading
      const document = await storeOnce(needs, actor, { reserved, received, fileName, signal })
      span?.add({ store: document.store, bytes: document.fileSize })
      // S3 that failed before a fallback, or a scanner that gave up, may still have its bytes in hand, and of an earlier
      // upload's document nobody knows.
      const isOwn = document.versionId === reserved.reservation.versionId
      isDone = isOwn && document.store === needs.stores.preferred && document.scanStatus !== 'pending'
      return document
    })
  } finally {
    await received.release(isDone)
  }
}

/** It reserves the most that the file can have; nobody knows better before it has come. */
function planUpload({ maxUploadBytes }: UploadNeeds, { userId }: Actor, uploading: UploadToStore): PlannedUpload {
  const { right, firmId, documentId, documentType, judgesType, declaredBytes = Infinity, type } = uploading
  const bytes = Math.min(declaredBytes, maxUploadBytes, type?.maxBytes ?? Infinity)
  const extension = uploading.file.detected.format?.extensions[0] ?? 'bin'
  const growth: PlannedUpload['growth'] = { bytes, documents: right === 'documents.upload' ? 1 : 0 }
  const scope = idempotencyScopeOf({ firmId, userId, right }, uploading.idempotencyKey)
  return { right, userId, firmId, documentId, documentType, judgesType, extension, growth, scope }
}

async function receiveReserved(needs: UploadNeeds, uploading: UploadToStore, reserved: ReservedUpload) {
  const { declaredBytes, file } = uploading
  const { maxBytes: maxBytesOfType, allowedTypes } = uploading.type ?? requireActiveType(reserved)
  const maxBytes = Math.min(needs.maxUploadBytes, maxBytesOfType ?? Infinity)
  assertDeclaredSize(declaredBytes, maxBytes)
  if (isTooLargeForRoom(reserved, declaredBytes) && !(await isAnswered(needs, reserved)))
    throw quotaExceeded(reserved.room, reserved.exceeded ?? 'bytes', declaredBytes)
  const fileName = requireFileName(file.fileName)
  const wanted = { ...uploading, fileName, maxBytes, allowedMimeTypes: allowedTypes ?? defaultMimeTypes }
  const received = await traced('receive file', () => receiveFile(needs, file, wanted))
  return { received, fileName }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Most clients name a type by its code. No code has a NUL, which no text of the database can hold. */
async function resolveTypeCode({ db }: UploadNeeds, codeOrId: string): Promise<string> {
  if (!uuid.test(codeOrId)) return codeOrId.replaceAll('\0', '\uFFFD').toWellFormed()
  return (await findDocumentType(db, codeOrId))?.code ?? codeOrId
}

function requireActiveType({ isActive, ...limits }: ReservedUpload): TypeLimits {
  if (isActive === true) return limits
  const message = 'There is no such document type. GET /api/v1/document-types lists them.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'document_type', message }] })
}
