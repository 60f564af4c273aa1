import type { Db } from '../database/client.ts'
import {
  type DocumentFilter,
  type DocumentPage,
  type DocumentRecord,
  findDocument,
  listDocuments,
} from '../database/documents.ts'
import { type EventPage, type EventRecord, listEvents } from '../database/events.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { noSuchDocument } from './issue-download.ts'

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

/** One document, in the trash or not. Throws `not_found` also for one that this person may not know of. */
export async function viewDocument(needs: Needs, actor: Actor, { firmId, documentId }: Of): Promise<DocumentRecord> {
  const membership = await requireRight(needs, actor, 'documents.read', { firmId, documentId })
  const document = await findDocument(needs.db, { membership, confidentialRoles }, documentId)
  if (document === undefined) throw noSuchDocument()
  return document
}

/** What happened to one document, newest first. */
export async function viewHistory(
  needs: Needs,
  actor: Actor,
  { firmId, documentId }: Of,
  page: EventPage,
): Promise<EventRecord[]> {
  const membership = await requireRight(needs, actor, 'documents.history', { firmId, documentId })
  const document = await findDocument(needs.db, { membership, confidentialRoles }, documentId)
  if (document === undefined) throw noSuchDocument()
  return listEvents(needs.db, membership, documentId, page)
}
