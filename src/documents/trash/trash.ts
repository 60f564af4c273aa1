import type { Tx } from '../../database/connection/client.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import type { ActingRole, Membership } from '../../database/people/check-access.ts'
import { moveToTrash, readOrigin, restoreFromTrash } from '../../database/documents/trash.ts'
import { AppError } from '../../errors/app-error.ts'
import { rights } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { type AccessNeeds, changeDocument } from '../access-document.ts'
import { contentGone } from '../download/assert-servable.ts'

type Of = { firmId: FirmId; documentId: DocumentId }

/**
 * Moves a document to the trash: nobody can download it, also not on the platform, until it is restored or purged. Does
 * nothing to a document in the trash. Throws `forbidden` if the person may delete only their own.
 */
export async function deleteDocument(needs: AccessNeeds, actor: Actor, of: Of): Promise<void> {
  const right = 'documents.delete'
  await changeDocument(needs, actor, { ...of, right }, async ({ trx, membership, document, record }) => {
    await assertMayDiscard(trx, membership, right, document)
    if (document.deletedAt !== null) return
    await moveToTrash(trx, actor, document)
    await record({ version: document.version })
  })
}

/**
 * Restores a document from the trash with its versions, its review and its platform row. Does nothing to a document outside
 * the trash. Throws `forbidden` as a deletion does, and `gone` if the platform removed its file meanwhile.
 */
export async function restoreDocument(needs: AccessNeeds, actor: Actor, of: Of): Promise<DocumentRecord> {
  const right = 'documents.restore'
  return changeDocument(needs, actor, { ...of, right }, async ({ trx, membership, document, record }) => {
    await assertMayDiscard(trx, membership, right, document)
    if (document.deletedAt === null) return document
    // The platform would list a document without a file.
    if (document.bytesState === 'removed' && document.scanStatus !== 'infected') throw contentGone()
    await record({ version: document.version })
    return restoreFromTrash(trx, document)
  })
}

/**
 * Throws `forbidden` where the right to delete or restore does not cover this document. An ordinary member may only discard a
 * document whose first version is theirs and that has no verified version.
 */
async function assertMayDiscard(
  trx: Tx,
  { role, userId }: Membership,
  right: 'documents.delete' | 'documents.restore',
  document: DocumentRecord,
): Promise<void> {
  const ofAny: readonly ActingRole[] = rights[right].ofAny
  if (ofAny.includes(role)) return
  const { createdBy, hasVerified } = await readOrigin(trx, document)
  if (createdBy === userId && !hasVerified) return
  throw new AppError(
    'forbidden',
    'Only the firm’s administrators and supervisors may do this with accepted documents and those that others uploaded.',
  )
}
