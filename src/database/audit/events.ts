import { sql } from 'kysely'

import type { ApiKeyId, DocumentId, FirmId, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { Membership } from '../people/check-access.ts'

/** `userId` is null if the person is not known, as for a denied login. */
export type EventActor = Visitor & { userId: UserId | null; apiKeyId?: ApiKeyId | undefined }

export type NewEvent = {
  /** Noun and past tense: `document.uploaded`. */
  action: string
  /** `ok`, an error code, or another outcome in one word. */
  outcome: string
  firmId?: FirmId
  documentId?: DocumentId
  version?: number
  details?: Record<string, unknown>
  /**
   * Details about a person, such as a hash of an e-mail address: they can be erased, `details` cannot. `about`: the id of
   * that person, whose erasure finds them; `email_sha256` and `subject` are found too.
   */
  personal?: Record<string, unknown>
}

/** Writes one event of the audit trail. Pass the transaction of the change that it records. */
export async function recordEvent(db: Db | Tx, actor: EventActor, event: NewEvent): Promise<void> {
  await db
    .insertInto('document_trail')
    .values({
      action: event.action,
      outcome: event.outcome,
      firm_id: event.firmId ?? null,
      document_id: event.documentId ?? null,
      version: event.version ?? null,
      actor_id: actor.userId,
      ip: actor.ip,
      user_agent: actor.userAgent,
      request_id: actor.requestId,
      details: JSON.stringify(detailsOf(actor, event.details ?? {}), wellFormed),
      personal: JSON.stringify(event.personal ?? {}, wellFormed),
    })
    .execute()
}

/** The details of an event. They name the API key, and the id that the client gave its request. */
export function detailsOf(
  { apiKeyId, callerRequestId }: EventActor,
  details: Record<string, unknown>,
): Record<string, unknown> {
  return {
    ...details,
    ...(apiKeyId !== undefined && { api_key_id: apiKeyId }),
    ...(callerRequestId !== undefined && { caller_request_id: callerRequestId }),
  }
}

/** The database rejects lone surrogates, which JSON allows: U+FFFD replaces them. */
export function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value
}

export type EventRecord = {
  id: string
  occurredAt: Date
  /** The same time to the microsecond, for paging. */
  occurredAtExact: string
  action: string
  outcome: string
  actorId: UserId | null
  version: number | null
  requestId: string
  details: Record<string, unknown>
}

export type EventPage = { limit: number; after: { at: string; id: string } | undefined }

/** A document's events, newest first. The caller checks access to the document. */
export async function listEvents(
  db: Db,
  membership: Membership,
  documentId: DocumentId,
  page: EventPage,
): Promise<EventRecord[]> {
  let query = db
    .selectFrom('document_events')
    .select([
      'id',
      'occurred_at as occurredAt',
      sql<string>`occurred_at::text`.as('occurredAtExact'),
      'action',
      'outcome',
      'actor_id as actorId',
      'version',
      'request_id as requestId',
      'details',
    ])
    .where('firm_id', '=', membership.firmId)
    .where('document_id', '=', documentId)
  if (page.after !== undefined)
    query = query.where(sql<boolean>`(occurred_at, id) < (${page.after.at}::timestamptz, ${page.after.id}::uuid)`)

  return query.orderBy('occurred_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()
}

/** The service itself, in a background task. `taskId`: the id in its log lines. */
export function systemActor(taskId: string): EventActor {
  return { userId: null, ip: 'system', userAgent: 'paniq-documents', requestId: taskId }
}
