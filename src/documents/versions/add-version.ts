import type { RecordedDocument } from '../../database/blobs/commit-upload.ts'
import { findDocumentType } from '../../database/documents/document-types.ts'
import { type DocumentRecord, findDocument, type Viewer } from '../../database/documents/documents.ts'
import { AppError } from '../../errors/app-error.ts'
import { confidentialRoles } from '../../people/rights.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { extensionOf } from '../../storage/storage-key.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { noSuchDocument, withRight } from '../access-document.ts'
import { quotaExceeded } from '../upload/assert-quota.ts'
import { assertNotInTrash, assertServable } from '../download/assert-servable.ts'
import { commitVersion } from '../upload/commit-version.ts'
import {
  type BufferedSource,
  type BufferNeeds,
  bufferSource,
  isSourceDamaged,
  recheckSource,
} from '../moving/buffer-source.ts'
import { reportDamagedBlob } from '../download/open-stored-file.ts'
import { newVersionOf } from '../upload/idempotent-upload.ts'
import { type PlannedUpload, reserve, storeUpload, type StoreUploadNeeds } from '../upload/store-upload.ts'
import { toAppError, assertStoreAvailable, requireStore } from '../stores/stores.ts'
import {
  beginUpload,
  type IncomingUpload,
  receiveAndStore,
  type TypeLimits,
  type UploadNeeds,
} from '../upload/upload.ts'

type VersionRequest = IncomingUpload & { firmId: FirmId; documentId: DocumentId }

/** Uploads a document's newest version, unverified. Throws as `upload` does, and `not_found`, or `gone` in the trash. */
export async function addVersion(needs: UploadNeeds, actor: Actor, request: VersionRequest): Promise<RecordedDocument> {
  const { firmId, documentId } = request
  const access = { right: 'documents.add_version', firmId, documentId } as const
  try {
    return await withRight(needs, actor, access, async (membership) => {
      const type = await requireType(needs, { membership, confidentialRoles }, documentId)
      const file = await beginUpload(needs, request)
      return receiveAndStore(needs, actor, {
        ...request,
        ...access,
        file,
        type,
        documentType: type.code,
        judgesType: false,
      })
    })
  } catch (error) {
    throw toAppError(error)
  }
}

/** The limits of the document's type. The platform's rows may have a type that there is not: then the usual ones hold. */
async function requireType(
  { db }: UploadNeeds,
  seeing: Viewer,
  documentId: DocumentId,
): Promise<TypeLimits & { code: string }> {
  const document = await findDocument(db, seeing, documentId)
  if (document === undefined) throw noSuchDocument()
  assertNotInTrash(document)
  const code = document.documentType
  const type = await findDocumentType(db, code)
  if (type?.isActive === false)
    throw new AppError('validation_failed', 'Papers of this type are not taken any more. Ask the platform’s support.')
  return type?.code === code ? type : { code, maxBytes: null, allowedTypes: null }
}

type RestoreVersionNeeds = StoreUploadNeeds & BufferNeeds & { scanner: Scanner | undefined }

type VersionToRestore = { firmId: FirmId; documentId: DocumentId; version: number; signal: AbortSignal }

/**
 * Makes the bytes of an old version the newest one, unverified: copied to a key of their own and proved by their hash.
 * Throws `not_found`, and what prevents a download of that version.
 */
export async function restoreVersion(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { firmId, documentId, version, signal }: VersionToRestore,
): Promise<RecordedDocument> {
  const access = { right: 'documents.restore_version', firmId, documentId } as const
  try {
    return await withRight(needs, actor, access, async (membership) => {
      const old = await requireServable(needs, { membership, confidentialRoles }, { documentId, version })
      assertStoreAvailable(needs.stores)
      const held = await holdProved(needs, actor, old, signal)
      try {
        return await storeCopy(needs, actor, { access, old, content: held.content, signal })
      } finally {
        await held.release()
      }
    })
  } catch (error) {
    throw toAppError(error)
  }
}

type Copy = {
  access: Pick<PlannedUpload, 'firmId' | 'documentId'> & { right: 'documents.restore_version' }
  old: DocumentRecord
  content: BufferedSource['content']
  signal: AbortSignal
}

async function storeCopy(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { access, old, content, signal }: Copy,
): Promise<RecordedDocument> {
  const { documentType, fileName, mimeType, fileSize, scanStatus } = old
  const planned: PlannedUpload = {
    ...access,
    userId: actor.userId,
    documentType,
    judgesType: false,
    extension: extensionOf(old.storageKey),
    growth: { bytes: fileSize, documents: 0 },
    scope: undefined,
  }
  const reserved = await reserve(needs, planned)
  if (reserved.exceeded !== null) throw quotaExceeded(reserved.room, reserved.exceeded, fileSize)
  const { firmId, documentId } = access
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const file = { contentType: mimeType, labels, content, signal }
  const restored = { version: old.version, scanner: needs.scanner }
  const committed = await storeUpload(needs, reserved, file, (stored) =>
    commitVersion(needs, actor, {
      right: access.right,
      version: newVersionOf(stored, planned, { fileName, mimeType, scanStatus }),
      restored,
      signal,
    }),
  )
  if (committed.outcome !== 'committed') throw new Error('a copy of a version was not committed')
  return committed.document
}

async function requireServable(
  needs: RestoreVersionNeeds,
  seeing: Viewer,
  { documentId, version }: Pick<VersionToRestore, 'documentId' | 'version'>,
): Promise<DocumentRecord> {
  const old = await findDocument(needs.db, seeing, documentId, version)
  if (old === undefined) throw noSuchDocument(version)
  assertServable(old, needs)
  return old
}

/** The whole of it, before a byte is written anywhere. */
async function holdProved(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { store, storeId, storageKey: key, fileSize: size, sha256 }: DocumentRecord,
  signal: AbortSignal,
): Promise<BufferedSource> {
  const bytes = { store, storeId, key, size }
  const source = { store: requireStore(needs.stores, bytes), key, size, sha256, signal }
  try {
    const held = await bufferSource(needs, source)
    if (held === undefined) throw await reportDamagedBlob(needs, actor, bytes, 'missing')
    await assertProved(held)
    return held
  } catch (error) {
    if (!isSourceDamaged(error)) throw error
    throw await reportDamagedBlob(needs, actor, bytes, await recheckSource(source))
  }
}

async function assertProved({ content, release }: BufferedSource): Promise<void> {
  if (content.kind === 'memory') return
  try {
    await content.accepted
  } catch (error) {
    await release()
    throw error
  }
}
