import type { Tx } from '../../database/connection/client.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import type { Membership } from '../../database/people/membership.ts'
import { isOwnUnverified, moveToTrash, restoreFromTrash } from '../../database/documents/trash.ts'
import { AppError } from '../../errors/app-error.ts'
import { rights } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId, FirmRole } from '../../vocabulary/vocabulary.ts'
import { type AccessNeeds, changeDocument } from '../access-document.ts'
import { contentGone } from '../download/assert-servable.ts'

type Of = { firmId: FirmId; documentId: DocumentId }

/**
 * Moves a document to the trash: nobody can download it, on the platform neither, and all of it stays until it is restored
 * or purged. One that is in the trash stays as it is. Throws `forbidden` where the person may delete only their own.
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
 * Takes a document out of the trash with its versions, its review and its platform row. One that is not there stays as it
 * is. Throws `forbidden` as a deletion does, and `gone` when the platform removed its bytes meanwhile.
 */
export async function restoreDocument(needs: AccessNeeds, actor: Actor, of: Of): Promise<DocumentRecord> {
  const right = 'documents.restore'
  return changeDocument(needs, actor, { ...of, right }, async ({ trx, membership, document, record }) => {
    await assertMayDiscard(trx, membership, right, document)
    if (document.deletedAt === null) return document
    // Shown again, the platform would point people at nothing.
    if (document.bytesState === 'removed' && document.scanStatus !== 'infected') throw contentGone()
    await record({ version: document.version })
    return restoreFromTrash(trx, document)
  })
}

/** Throws `forbidden` where the right to delete or restore does not cover this document. */
async function assertMayDiscard(
  trx: Tx,
  { role, userId }: Membership,
  right: 'documents.delete' | 'documents.restore',
  document: DocumentRecord,
): Promise<void> {
  const ofAny: readonly (FirmRole | 'administrator')[] = rights[right].ofAny
  if (ofAny.includes(role) || (await isOwnUnverified(trx, document, userId))) return
  throw new AppError(
    'forbidden',
    'Of papers that others handed in, and of verified ones, this is for the firm’s administrators and supervisors.',
  )
}
