import { randomUUID } from 'node:crypto'

import type { CommitUpload, RecordedDocument } from '../../database/blobs/commit-upload.ts'
import { type DocumentType, findDocumentType } from '../../database/documents/document-types.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import { AppError } from '../../errors/app-error.ts'
import { traced } from '../../logging/spans.ts'
import { recordDenial } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { logAccess } from '../access-document.ts'
import { defaultMimeTypes } from '../formats/allowed-formats.ts'
import { assertStoreAvailable } from '../stores/fallback.ts'
import { toAppError } from '../stores/reachable-stores.ts'
import { type NameField, requireFileName } from './file-name.ts'
import { idempotencyScopeOf, isAnswered, storeOnce } from './idempotent-upload.ts'
import { quotaExceeded } from './quota-error.ts'
import {
  assertDeclaredSize,
  type FileWithHead,
  minFileBytes,
  type OpenedFile,
  readFileHead,
  receiveFile,
  type ReceiveNeeds,
} from './receive-file.ts'
import {
  type PlannedUpload,
  releaseReservation,
  reserve,
  type ReservedUpload,
  type StoreUploadNeeds,
} from './store-upload.ts'

export type UploadNeeds = ReceiveNeeds & StoreUploadNeeds & { maxUploadBytes: number }

export type IncomingUpload = {
  /** Starts to read the body. */
  openFile: () => Promise<OpenedFile>
  /** The body's length as the client declares it. */
  declaredBytes: number | undefined
  /** The file's hash as the client declares it. */
  expectedSha256: string | undefined
  idempotencyKey: string | undefined
  /** The field with the file's name, for errors. Default: that of the file. */
  nameField?: NameField
  signal: AbortSignal
}

/** `documentType`: code or id. */
type UploadRequest = IncomingUpload & { firmId: FirmId; documentType: string }

/**
 * Stores a file as a new document. It reads the first bytes, checks right, type and quota and reserves room (one
 * statement), receives the rest, writes it to a store, and commits (one statement). Only a person with the right learns
 * what is wrong with the file. `store-upload.ts` says what is left if the process dies at any step; before the
 * reservation nothing is.
 */
export async function upload(needs: UploadNeeds, actor: Actor, request: UploadRequest): Promise<RecordedDocument> {
  const { firmId } = request
  const event = { action: rights['documents.upload'].event, firmId }
  try {
    const document = await recordDenial(needs.db, actor, event, async () => {
      const documentType = await resolveTypeCode(needs, request.documentType)
      const file = await startUpload(needs, request).catch(async (error: unknown) => {
        await requireMembership(needs.db, { caller: actor, firmId, right: needs.uploads.rightToUpload })
        throw error
      })
      return receiveAndStore(needs, actor, {
        ...request,
        file,
        type: undefined,
        right: 'documents.upload',
        documentId: randomUUID() as DocumentId, // a fresh id
        documentType,
        checksType: true,
        commit: needs.uploads.commitDocument,
      })
    })
    logAccess(needs.log, actor, {
      action: rights['documents.upload'].event,
      firmId,
      documentId: document.id,
      outcome: 'ok',
    })
    return document
  } catch (error) {
    throw toAppError(error)
  }
}

/** Reads the first bytes. Throws `store_unavailable`, `too_large` for more than any type allows, and faults of the form. */
export async function startUpload(
  needs: UploadNeeds,
  { openFile, declaredBytes, signal }: IncomingUpload,
): Promise<FileWithHead> {
  assertStoreAvailable(needs.stores)
  assertDeclaredSize(declaredBytes, needs.maxUploadBytes)
  return readFileHead(await openFile(), signal)
}

/** The rules of a document type for its files. */
export type TypeLimits = Pick<DocumentType, 'maxBytes' | 'allowedTypes'>

/** `type`: undefined if the reservation looks it up. */
type UploadToStore = IncomingUpload &
  Pick<PlannedUpload, 'right' | 'firmId' | 'documentId' | 'documentType' | 'checksType'> & {
    file: FileWithHead
    type: TypeLimits | undefined
    commit: CommitUpload
  }

/** Reserves room, receives the rest of the file within the limits of its type, and stores it. */
export async function receiveAndStore(
  needs: UploadNeeds,
  actor: Actor,
  incoming: UploadToStore,
): Promise<RecordedDocument> {
  const reserved = await reserve(needs, planUpload(needs, actor, incoming))
  const { received, fileName } = await receiveReserved(needs, incoming, reserved).catch(async (error: unknown) => {
    await releaseReservation(needs, reserved)
    throw error
  })
  let isDone = false
  try {
    return await traced('store file', async (span) => {
      const { commit, signal } = incoming
      const document = await storeOnce(needs, actor, { reserved, received, fileName, commit, signal })
      span?.add({ store: document.store, bytes: document.fileSize })
      // Otherwise S3 before a fallback, or a scanner without a verdict, may still read the buffer; and a replay returns
      // another upload's document.
      const isOwn = document.versionId === reserved.reservation.versionId
      isDone = isOwn && document.store === needs.stores.preferred && document.scanStatus !== 'pending'
      return document
    })
  } finally {
    await received.release(isDone)
  }
}

/** Reserves the maximum length that the file can have. */
function planUpload({ maxUploadBytes }: UploadNeeds, caller: Actor, incoming: UploadToStore): PlannedUpload {
  const { right, firmId, documentId, documentType, checksType, declaredBytes = Infinity, type } = incoming
  const bytes = Math.min(declaredBytes, maxUploadBytes, type?.maxBytes ?? Infinity)
  const extension = incoming.file.detected.format?.extensions[0] ?? 'bin'
  const addedUsage: PlannedUpload['addedUsage'] = { bytes, documents: right === 'documents.upload' ? 1 : 0 }
  const scope = idempotencyScopeOf({ firmId, userId: caller.userId, right }, incoming.idempotencyKey)
  return { right, caller, firmId, documentId, documentType, checksType, extension, addedUsage, scope }
}

async function receiveReserved(needs: UploadNeeds, incoming: UploadToStore, reserved: ReservedUpload) {
  const { declaredBytes, file } = incoming
  const { maxBytes: maxBytesOfType, allowedTypes } = incoming.type ?? requireActiveType(reserved)
  const maxBytes = Math.min(needs.maxUploadBytes, maxBytesOfType ?? Infinity)
  assertDeclaredSize(declaredBytes, maxBytes)
  if (isTooLargeForRoom(reserved, declaredBytes) && !(await isAnswered(needs, reserved)))
    throw quotaExceeded(reserved.room, reserved.exceeded ?? 'bytes', declaredBytes)
  const fileName = requireFileName(file.fileName, incoming.nameField)
  const rules = { ...incoming, fileName, maxBytes, allowedMimeTypes: allowedTypes ?? defaultMimeTypes }
  const received = await traced('receive file', () => receiveFile(needs, file, rules))
  return { received, fileName }
}

/** Whether a file without room for its maximum length has none for its minimum length either. */
function isTooLargeForRoom({ exceeded, room }: ReservedUpload, declaredBytes: number | undefined): boolean {
  if (exceeded === 'documents') return true
  return exceeded === 'bytes' && room.usedBytes + minFileBytes(declaredBytes) > (room.quotaBytes ?? Infinity)
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Most clients name a type by its code. PostgreSQL stores no NUL in text, and no code has one. */
export async function resolveTypeCode({ db }: Pick<UploadNeeds, 'db'>, codeOrId: string): Promise<string> {
  if (!uuid.test(codeOrId)) return codeOrId.replaceAll('\0', '\uFFFD').toWellFormed()
  return (await findDocumentType(db, codeOrId))?.code ?? codeOrId
}

/** Throws `validation_failed` for an unknown type, or one that takes no new documents. */
export function requireActiveType({ isActive, ...limits }: ReservedUpload): TypeLimits {
  if (isActive === true) return limits
  const message = 'There is no such document type. GET /api/v1/document-types lists them.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'document_type', message }] })
}
