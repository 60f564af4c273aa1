import {
  type CommitResult,
  commitUpload,
  type NewVersion,
  type RecordedDocument,
} from '../../database/blobs/commit-upload.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findDocumentType } from '../../database/documents/document-types.ts'
import { type DocumentRecord, findDocument, type Viewer } from '../../database/documents/documents.ts'
import { AppError } from '../../errors/app-error.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { extensionOf } from '../../storage/storage-key.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { lockWithRight, noSuchDocument, withRight } from '../access-document.ts'
import { assertNotInTrash, assertServable } from '../download/assert-servable.ts'
import { reportDamagedBlob } from '../download/open-stored-file.ts'
import {
  type BufferedSource,
  type BufferNeeds,
  bufferSource,
  isSourceDamaged,
  recheckSource,
} from '../moving/copy-blob.ts'
import { assertStoreAvailable } from '../stores/fallback.ts'
import { requireStore, toAppError } from '../stores/reachable-stores.ts'
import { newVersionOf } from '../upload/idempotent-upload.ts'
import { quotaExceeded } from '../upload/quota-error.ts'
import { type PlannedUpload, reserve, storeUpload, type StoreUploadNeeds } from '../upload/store-upload.ts'
import {
  type IncomingUpload,
  receiveAndStore,
  startUpload,
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
      const type = await requireTypeOfDocument(needs, { membership, confidentialRoles }, documentId)
      const file = await startUpload(needs, request)
      return receiveAndStore(needs, actor, {
        ...request,
        ...access,
        file,
        type,
        documentType: type.code,
        checksType: false,
        commit: (_actor, version, signal) => commitVersion(needs, actor, { right: access.right, version, signal }),
      })
    })
  } catch (error) {
    throw toAppError(error)
  }
}

/** The limits of the document's type. A row of the platform may have a type that does not exist: the defaults apply. */
export async function requireTypeOfDocument(
  { db }: { db: Db },
  seeing: Viewer,
  documentId: DocumentId,
): Promise<TypeLimits & { code: string }> {
  const document = await findDocument(db, seeing, documentId)
  if (document === undefined) throw noSuchDocument()
  assertNotInTrash(document)
  const code = document.documentType
  const type = await findDocumentType(db, code)
  if (type?.isActive === false)
    throw new AppError(
      'validation_failed',
      'Documents of this type are no longer accepted. Contact the platform’s support.',
    )
  return type?.code === code ? type : { code, maxBytes: null, allowedTypes: null }
}

type Committing = {
  right: 'documents.add_version' | 'documents.restore_version'
  version: NewVersion
  /** For a copy: the version that it is a copy of. */
  restored?: { version: number; scanner: Scanner | undefined }
  signal: AbortSignal
}

/**
 * Commits the newest version of a document under the document's lock. The upload may have taken minutes: right and trash
 * are checked again. Throws `OutcomeUnknown`.
 */
export async function commitVersion(
  { db }: { db: Db },
  actor: Actor,
  { right, version, restored, signal }: Committing,
): Promise<CommitResult> {
  const { firmId, documentId } = version
  return inTransaction(db, async (trx) => {
    const { membership, document: current } = await lockWithRight(trx, actor, { right, firmId, documentId })
    assertNotInTrash(current)
    const seeing = { membership, confidentialRoles }
    const scan = restored === undefined ? {} : await readScanOf(trx, seeing, { documentId, ...restored })
    const asked = { actor, version: { ...version, ...scan } }
    const committed = await commitUpload(trx, asked, { right: rights[right], confidentialRoles })
    // A client that left before the end of the transaction gets no version that it never hears of.
    signal.throwIfAborted()
    return committed
  })
}

/** A copy has the scan status that the old version has by now. */
async function readScanOf(
  trx: Tx,
  seeing: Viewer,
  { documentId, version, scanner }: Pick<NewVersion, 'documentId'> & { version: number; scanner: Scanner | undefined },
): Promise<Pick<NewVersion, 'scanStatus' | 'copyOf'>> {
  const old = await findDocument(trx, seeing, documentId, version)
  if (old === undefined) throw noSuchDocument(version)
  assertServable(old, { scanner })
  return { scanStatus: old.scanStatus, copyOf: old.version }
}

type RestoreVersionNeeds = StoreUploadNeeds & BufferNeeds & { scanner: Scanner | undefined }

type VersionToRestore = { firmId: FirmId; documentId: DocumentId; version: number; signal: AbortSignal }

/**
 * Copies an old version's content to a new key and makes it the newest version, unverified. The content is read in full
 * and its hash compared before anything is written; from there the protocol of an upload applies (`store-upload.ts`).
 * Throws `not_found`, and the errors of a download of that version.
 */
export async function restoreVersion(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { firmId, documentId, version, signal }: VersionToRestore,
): Promise<RecordedDocument> {
  const access = { right: 'documents.restore_version', firmId, documentId } as const
  try {
    return await withRight(needs, actor, access, async (membership) => {
      const old = await findDocument(needs.db, { membership, confidentialRoles }, documentId, version)
      if (old === undefined) throw noSuchDocument(version)
      assertServable(old, needs)
      assertStoreAvailable(needs.stores)
      const source = await bufferWhole(needs, actor, old, signal)
      try {
        return await storeCopy(needs, actor, { access, old, content: source.content, signal })
      } finally {
        await source.release()
      }
    })
  } catch (error) {
    throw toAppError(error)
  }
}

async function bufferWhole(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { store, storeId, storageKey: key, fileSize: size, sha256 }: DocumentRecord,
  signal: AbortSignal,
): Promise<BufferedSource> {
  const blob = { store, storeId, key, size, sha256 }
  const source = { store: requireStore(needs.stores, blob), key, size, sha256, signal }
  try {
    const buffered = await bufferSource(needs, source)
    if (buffered === undefined) throw await reportDamagedBlob(needs, actor, blob, 'missing')
    await awaitAccepted(buffered)
    return buffered
  } catch (error) {
    if (!isSourceDamaged(error)) throw error
    throw await reportDamagedBlob(needs, actor, blob, await recheckSource(source))
  }
}

async function awaitAccepted({ content, release }: BufferedSource): Promise<void> {
  if (content.kind === 'memory') return
  try {
    await content.accepted
  } catch (error) {
    await release()
    throw error
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
    caller: actor,
    documentType,
    checksType: false,
    extension: extensionOf(old.storageKey),
    addedUsage: { bytes: fileSize, documents: 0 },
    scope: undefined,
  }
  const reserved = await reserve(needs, planned)
  if (reserved.exceeded !== null) throw quotaExceeded(reserved.room, reserved.exceeded, fileSize)
  const { right, firmId, documentId } = access
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const restored = { version: old.version, scanner: needs.scanner }
  const committed = await storeUpload(needs, reserved, { contentType: mimeType, labels, content, signal }, (stored) => {
    const version = newVersionOf(stored, planned, { fileName, mimeType, scanStatus })
    return commitVersion(needs, actor, { right, version, restored, signal })
  })
  if (committed.outcome !== 'committed') throw new Error('a copy of a version was not committed')
  return committed.document
}
