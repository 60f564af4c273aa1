import type { Db } from '../database/connection/client.ts'
import { type DocumentRecord, listVersions, type VersionPage } from '../database/documents/documents.ts'
import { type DocumentFilter, type DocumentPage, listDocuments } from '../database/documents/list-documents.ts'
import { type EventPage, type EventRecord, listEvents } from '../database/audit/events.ts'
import { requireRightToRead } from '../people/require-right.ts'
import { confidentialRoles } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary/vocabulary.ts'
import { accessDocument, type OpeningNeeds } from './access-document.ts'

type Needs = { db: Db }
type Of = { firmId: FirmId; documentId: DocumentId }

/** The firm's documents that this person may see, newest first. */
export async function browseDocuments(
  needs: Needs,
  actor: Actor,
  firmId: FirmId,
  { filter, page }: { filter: DocumentFilter; page: DocumentPage },
): Promise<DocumentRecord[]> {
  const membership = await requireRightToRead(needs, actor, 'documents.list', { firmId })
  return listDocuments(needs.db, { membership, confidentialRoles }, filter, page)
}

/** One document, in the trash or not. */
export async function viewDocument(needs: OpeningNeeds, actor: Actor, document: Of): Promise<DocumentRecord> {
  return accessDocument(needs, actor, { ...document, right: 'documents.read' })
}

/** The audit events of one document, newest first. This call adds one. */
export async function viewHistory(
  needs: OpeningNeeds,
  actor: Actor,
  { document, page }: { document: Of; page: EventPage },
): Promise<EventRecord[]> {
  const { membership, id } = await accessDocument(needs, actor, { ...document, right: 'documents.history' })
  return listEvents(needs.db, membership, id, page)
}

/** The versions of a document, newest first. */
export async function viewVersions(
  needs: OpeningNeeds,
  actor: Actor,
  { document, page }: { document: Of; page: VersionPage },
): Promise<DocumentRecord[]> {
  const { membership, id } = await accessDocument(needs, actor, { ...document, right: 'documents.versions' })
  return listVersions(needs.db, { membership, confidentialRoles }, id, page)
}
