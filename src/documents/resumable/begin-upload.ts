import { randomUUID } from 'node:crypto'

import { insertUpload } from '../../database/resumable/resumable-uploads.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import { AppError } from '../../errors/app-error.ts'
import { recordDenial } from '../../people/require-right.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import { type Actor, type DocumentId, type FirmId, uploadExpiry, type UploadId } from '../../vocabulary/vocabulary.ts'
import { defaultMimeTypes, formatOfName, requireFormatOfName } from '../formats/allowed-formats.ts'
import { assertStoreAvailable, fallsBack, logS3Failure } from '../stores/fallback.ts'
import { toAppError } from '../stores/reachable-stores.ts'
import { idempotencyScopeOf } from '../upload/idempotent-upload.ts'
import { quotaExceeded } from '../upload/quota-error.ts'
import { tooLarge } from '../upload/receive-file.ts'
import {
  abandon,
  type PlannedUpload,
  releaseReservation,
  reserve,
  type ReservedUpload,
  type StoreUploadNeeds,
} from '../upload/store-upload.ts'
import { requireFileName } from '../upload/file-name.ts'
import { requireActiveType, resolveTypeCode, type TypeLimits } from '../upload/upload.ts'
import { requireTypeOfDocument } from '../versions/add-version.ts'
import { type GrowingNeeds, growingFilesOf } from './growing-blob.ts'

export type BeginNeeds = StoreUploadNeeds & GrowingNeeds & { maxUploadBytes: number }

/** `target`: a new document of a type, given by its code or id, or a new version of a document. `metadata`: as the client sent it. */
export type UploadToBegin = {
  firmId: FirmId
  target: { documentType: string } | { documentId: DocumentId }
  fileName: string
  declaredType: string | undefined
  metadata: string
  totalBytes: number
  expectedSha256: string | undefined
  idempotencyKey: string | undefined
}

export type BegunUpload = { id: UploadId; expiresAt: Date }

/**
 * Begins an upload that arrives over many requests: reserves room for its declared length and begins a file on the store.
 * If S3 is out, the whole file goes to the local disk. Once it has begun, it stays on its store. If the process dies in
 * between, the collector removes what no upload names.
 */
export async function beginUpload(needs: BeginNeeds, actor: Actor, request: UploadToBegin): Promise<BegunUpload> {
  const { firmId, target } = request
  const event = { action: rights[rightTo(target)].event, firmId, ...('documentId' in target && target) }
  try {
    return await recordDenial(needs.db, actor, event, async () => {
      const { planned, type } = await planUpload(needs, actor, request).catch(async (error: unknown) => {
        // Only a person with the right learns what is wrong with the file.
        await requireMembership(needs.db, { caller: actor, firmId, right: needs.uploads.rightToUpload })
        throw error
      })
      const reserved = await reserve(needs, planned)
      if (reserved.outage !== undefined) logS3Failure(needs, reserved.reservation.key, reserved.outage)
      return await beginReserved(needs, reserved, { ...request, type })
    })
  } catch (error) {
    throw toAppError(error)
  }
}

function rightTo(target: UploadToBegin['target']): 'documents.upload' | 'documents.add_version' {
  return 'documentId' in target ? 'documents.add_version' : 'documents.upload'
}

/** `type`: undefined if the reservation looks it up. */
type Typed = { type: TypeLimits | undefined }

/** The extension is that of the name: the content must agree with it at the end. */
async function planUpload(
  needs: BeginNeeds,
  caller: Actor,
  request: UploadToBegin,
): Promise<{ planned: PlannedUpload } & Typed> {
  const { firmId, totalBytes, fileName, idempotencyKey } = request
  const { type, ...document } = await findTarget(needs, caller, request)
  assertStoreAvailable(needs.stores)
  if (totalBytes === 0) throw new AppError('empty_file', 'The file is empty. Choose another file and send it again.')
  if (totalBytes > needs.maxUploadBytes) throw tooLarge(needs.maxUploadBytes)
  const format = formatOfName(requireFileName(fileName))
  const { right } = document
  const planned: PlannedUpload = {
    ...document,
    caller,
    firmId,
    extension: format?.extensions[0] ?? 'bin',
    addedUsage: { bytes: totalBytes, documents: right === 'documents.upload' ? 1 : 0 },
    scope: idempotencyScopeOf({ firmId, userId: caller.userId, right }, idempotencyKey),
  }
  return { planned, type }
}

type Target = Pick<PlannedUpload, 'right' | 'documentId' | 'documentType' | 'checksType'> & Typed

/** Throws as a new version does: `not_found`, `gone`, and `validation_failed` for a type that takes no more. */
async function findTarget(needs: BeginNeeds, caller: Actor, { firmId, target }: UploadToBegin): Promise<Target> {
  const right = rightTo(target)
  if (!('documentId' in target)) {
    const documentType = await resolveTypeCode(needs, target.documentType)
    return { right, documentId: randomUUID() as DocumentId, documentType, checksType: true, type: undefined } // a fresh id
  }
  const { documentId } = target
  const membership = await requireMembership(needs.db, { caller, firmId, right: rights[right] })
  const type = await requireTypeOfDocument(needs, { membership, confidentialRoles }, documentId)
  return { right, documentId, documentType: type.code, checksType: false, type }
}

async function beginReserved(
  needs: BeginNeeds,
  reserved: ReservedUpload,
  request: UploadToBegin & Typed,
): Promise<BegunUpload> {
  const { planned, room, exceeded } = reserved
  const facts = await checkRules(needs, reserved, request).catch(async (error: unknown) => {
    await releaseReservation(needs, reserved)
    throw error
  })
  if (exceeded !== null) throw quotaExceeded(room, exceeded, request.totalBytes)
  try {
    return await beginOnStore(needs, reserved, { request, facts })
  } catch (error) {
    // S3 may have begun a multipart upload: the collector aborts it.
    await abandon(needs, reserved.reservation, { isRemovedNow: false })
    if (!fallsBack(needs, reserved.reservation, error)) throw error
  }
  const local = await reserve(needs, { ...planned, checksType: false }, 'fallback')
  if (local.exceeded !== null) throw quotaExceeded(local.room, local.exceeded, request.totalBytes)
  try {
    return await beginOnStore(needs, local, { request, facts })
  } catch (error) {
    await abandon(needs, local.reservation, { isRemovedNow: true })
    throw error
  }
}

type NameFacts = { fileName: string; contentType: string }

/** The rules of the document type. Throws `validation_failed`, `too_large`, `unsupported_type`. */
async function checkRules(
  { maxUploadBytes }: BeginNeeds,
  reserved: ReservedUpload,
  { fileName: given, declaredType, totalBytes, type }: UploadToBegin & Typed,
): Promise<NameFacts> {
  const { maxBytes, allowedTypes } = type ?? requireActiveType(reserved)
  const limit = Math.min(maxUploadBytes, maxBytes ?? Infinity)
  if (totalBytes > limit) throw tooLarge(limit)
  const fileName = requireFileName(given)
  const { mimeType } = requireFormatOfName({ fileName, declaredType }, allowedTypes ?? defaultMimeTypes)
  return { fileName, contentType: mimeType }
}

async function beginOnStore(
  needs: BeginNeeds,
  { reservation, isFallback, planned }: ReservedUpload,
  { request, facts }: { request: UploadToBegin; facts: NameFacts },
): Promise<BegunUpload> {
  const { firmId, documentId, key, id: blobId } = reservation
  const { documentType, caller } = planned
  const { contentType, fileName } = facts
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const { totalBytes, metadata } = request
  await growingFilesOf(needs, reservation).begin(key, { contentType, labels, totalBytes })
  const id = randomUUID() as UploadId // a fresh id
  const expiresAt = await insertUpload(
    needs.db,
    {
      id,
      blobId,
      firmId,
      userId: caller.userId,
      documentType,
      isVersion: 'documentId' in request.target,
      fileName,
      declaredType: request.declaredType ?? null,
      metadata,
      contentType,
      expectedSha256: request.expectedSha256 ?? null,
      idempotencyKey: request.idempotencyKey ?? null,
      isFallback,
      totalBytes,
    },
    uploadExpiry.hoursToArrive,
  )
  return { id, expiresAt }
}
