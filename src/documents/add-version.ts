import { findTypeWithRoom } from '../database/document-types.ts'
import { findDocument, type Seeing } from '../database/documents.ts'
import { readRoom } from '../database/quotas.ts'
import type { IdempotencyScope } from '../database/idempotency.ts'
import type { RecordedDocument } from '../database/record-version.ts'
import { AppError } from '../errors.ts'
import { recordRefusal } from '../people/record-refusal.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { noSuchDocument, tellAccess } from './access-document.ts'
import { assertNotInTrash } from './assert-servable.ts'
import { scopeOf } from './keep-once.ts'
import { answerToStoreFailure, assertSomewhereToGo } from './stores.ts'
import { type HandIn, receiveAndKeep, type TypeLimits, type UploadNeeds } from './upload.ts'

export type VersionRequest = HandIn & { firmId: FirmId; documentId: DocumentId }

/**
 * Hands in a file as a document's newest version, unverified, under the same guarantees as an upload. Two at once give
 * two versions. Throws as `upload` does, and `not_found`, `gone` for a document in the trash.
 */
export async function addVersion(needs: UploadNeeds, actor: Actor, request: VersionRequest): Promise<RecordedDocument> {
  const { firmId, documentId } = request
  const membership = await requireRight(needs, actor, 'documents.add_version', { firmId, documentId })
  const event = { action: rights['documents.add_version'].event, firmId, documentId }
  try {
    const document = await recordRefusal(needs.db, actor, event, async () => {
      const scope = scopeOf(membership, documentId, request.idempotencyKey)
      const type = await requireType(needs, { membership, confidentialRoles }, { documentId, scope })
      assertSomewhereToGo(needs.stores)
      return receiveAndKeep(needs, request, { actor, membership, type, newVersionOf: documentId })
    })
    tellAccess(needs.log, actor, { right: 'documents.add_version', firmId, documentId, outcome: 'ok' })
    return document
  } catch (error) {
    throw answerToStoreFailure(error)
  }
}

/** The limits of the document's type. The platform's rows may have a type that there is not: then the usual ones hold. */
async function requireType(
  { db, usualQuota }: UploadNeeds,
  seeing: Seeing,
  { documentId, scope }: { documentId: DocumentId; scope: IdempotencyScope | undefined },
): Promise<TypeLimits> {
  const document = await findDocument(db, seeing, documentId)
  if (document === undefined) throw noSuchDocument()
  assertNotInTrash(document)
  const code = document.documentType
  const room = { firmId: seeing.membership.firmId, usualQuota, scope }
  const type = await findTypeWithRoom(db, code, room)
  if (type?.isActive === false)
    throw new AppError('validation_failed', 'Papers of this type are not taken any more. Ask the platform’s support.')
  if (type?.code === code) return type
  return { code, maxBytes: null, allowedTypes: null, room: await readRoom(db, room) }
}
