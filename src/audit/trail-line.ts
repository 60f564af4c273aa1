import type { TrailEvent } from '../database/trail.ts'

/** An event as one line of JSON: what is sealed, exported, and compared letter for letter. A change of its form would break every seal. */
export function trailLine({ details, ...event }: TrailEvent): string {
  const told = {
    id: event.id,
    occurred_at: event.occurredAt,
    transaction_id: event.transactionId,
    firm_id: event.firmId,
    document_id: event.documentId,
    version: event.version,
    action: event.action,
    outcome: event.outcome,
    actor_id: event.actorId,
    ip: event.ip,
    user_agent: event.userAgent,
    request_id: event.requestId,
  }
  // Read and written again, a number in it might come out as another one.
  return `${JSON.stringify(told).slice(0, -1)},"details":${details}}`
}
