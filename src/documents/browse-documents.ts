import type { Db } from '../database/connection/client.ts'
import {
  type DocumentFilter,
  type DocumentPage,
  type DocumentRecord,
  listDocuments,
  listVersions,
  type VersionPage,
} from '../database/documents/documents.ts'
import { type EventPage, type EventRecord, listEvents } from '../database/audit/events.ts'
import { requireRight } from '../people/require-right.ts'
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
  const membership = await requireRight(needs, actor, 'documents.list', { firmId })
  return listDocuments(needs.db, { membership, confidentialRoles }, filter, page)
}

/** One document, in the trash or not. */
export async function viewDocument(needs: OpeningNeeds, actor: Actor, document: Of): Promise<DocumentRecord> {
  return accessDocument(needs, actor, { ...document, right: 'documents.read' })
}

/** What happened to one document, newest first; that somebody looked is part of it. */
export async function viewHistory(
  needs: OpeningNeeds,
  actor: Actor,
  { document, page }: { document: Of; page: EventPage },
): Promise<EventRecord[]> {
  const { membership, id } = await accessDocument(needs, actor, { ...document, right: 'documents.history' })
  return listEvents(needs.db, membership, id, page)
}

/** The document as each of its versions, newest first. */
export async function viewVersions(
  needs: OpeningNeeds,
  actor: Actor,
  { document, page }: { document: Of; page: VersionPage },
): Promise<DocumentRecord[]> {
  const { membership, id } = await accessDocument(needs, actor, { ...document, right: 'documents.versions' })
  return listVersions(needs.db, { membership, confidentialRoles }, id, page)
}
