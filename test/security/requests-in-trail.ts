import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'

import type { Person } from '../support/people/people.ts'
import type { TestService } from '../support/service/start-service.ts'

type AuditRow = {
  action: string
  outcome: string
  actor_id: string | null
  firm_id: string | null
  document_id: string | null
  occurred_at: Date
  ip: string
  user_agent: string
}

/** Each request has an id of its caller, by which its event is found. */
export async function eventsOf({ app }: TestService, requestId: string): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select action, outcome, actor_id, firm_id, document_id, occurred_at, ip, user_agent
    from document_trail where details ->> 'caller_request_id' = ${requestId}`.execute(app.db)
  return rows
}

/** Makes a call with its own id; `about`: the expected actor and address in its event. */
export async function asking(
  person: Person,
  ask: (headers: Record<string, string>) => Promise<Response>,
): Promise<{ requestId: string; answer: Response; about: object }> {
  const requestId = `audit-${randomUUID()}`
  const answer = await ask({ 'x-request-id': requestId, 'user-agent': 'a phone in the field' })
  await answer.arrayBuffer()
  return { requestId, answer, about: { actor_id: person.id, ip: '127.0.0.1', user_agent: 'a phone in the field' } }
}
