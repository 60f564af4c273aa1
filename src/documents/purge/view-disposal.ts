import { type DisposalOf, findDisposalOf } from '../../database/disposal-of.ts'
import type { Actor, DocumentId, FirmId } from '../../vocabulary.ts'
import { type AccessNeeds, accessDocument, noSuchDocument } from '../access-document.ts'

/** What is to become of a document: since when it is in the trash, and what keeps it. For whoever may see it. */
export async function viewDisposal(
  needs: AccessNeeds,
  actor: Actor,
  document: { firmId: FirmId; documentId: DocumentId },
): Promise<DisposalOf> {
  await accessDocument(needs, actor, { ...document, right: 'documents.read' })
  const disposal = await findDisposalOf(needs.db, document)
  if (disposal === undefined) throw noSuchDocument()
  return disposal
}
