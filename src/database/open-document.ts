import { type RawBuilder, sql } from 'kysely'

import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { documentColumns, type DocumentRecord, isVisibleTo } from './documents.ts'
import {
  type AccessRow,
  accessOf,
  type Membership,
  membershipFrom,
  refusalAnswers,
  type RightToCheck,
} from './membership.ts'

export type DocumentOpening = {
  firmId: FirmId
  documentId: DocumentId
  right: RightToCheck & { event: string }
  confidentialRoles: readonly string[]
  /** Whether the bytes are wanted, or only what is known of them: that is shown in every state. */
  wantsBytes: boolean
}

/** What stands in the way of the bytes; `ok` when nothing does. The same word goes to the audit trail. */
export type DocumentOutcome = 'ok' | 'not_found' | 'gone' | 'scan_pending' | 'quarantined'

export type OpenedDocument = DocumentRecord & { outcome: DocumentOutcome; membership: Membership }

/**
 * Right, document, state and audit event in one statement. Throws the refusal when the person may not; undefined when
 * the firm has no such document that this person may see.
 */
export async function openDocument(
  db: Db,
  actor: Actor,
  opening: DocumentOpening,
): Promise<OpenedDocument | undefined> {
  const { firmId, documentId } = opening
  const { rows } = await sql<AccessRow & Omit<OpenedDocument, 'membership'>>`
    with access as (select * from ${accessOf({ userId: actor.userId, firmId, right: opening.right })} as a),
    found as (
      select ${documentColumns}
      from access, documents d
      join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
      where access.refusal is null and d.firm_id = ${firmId} and d.id = ${documentId}
        and ${isVisibleTo(sql`access.role`, actor.userId, opening.confidentialRoles)}
    ),
    judged as (select access.refusal, access.role, found.*, ${outcomeOf(opening.wantsBytes)} as outcome from access left join found on true),
    event as (
      insert into document_events (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id)
      select ${opening.right.event}, coalesce(${refusalCodes}::jsonb ->> refusal, outcome), ${firmId}, ${documentId}, version,
             ${actor.userId}, ${actor.ip}, ${actor.userAgent}, ${actor.requestId}
      from judged
    )
    select * from judged`.execute(db)

  const [row] = rows
  if (row === undefined) return undefined
  const membership = membershipFrom(row, { userId: actor.userId, firmId })
  return row.outcome === 'not_found' ? undefined : { ...row, membership }
}

const refusalCodes = JSON.stringify(
  Object.fromEntries(Object.entries(refusalAnswers).map(([refusal, [code]]) => [refusal, code])),
)

const outcomeOf = (wantsBytes: boolean): RawBuilder<DocumentOutcome> => sql`case
  when found.id is null then 'not_found'
  when not ${wantsBytes}::boolean then 'ok'
  when found."deletedAt" is not null or found."bytesState" <> 'present' then 'gone'
  when found."scanStatus" = 'pending' then 'scan_pending'
  when found."scanStatus" = 'infected' then 'quarantined'
  else 'ok'
end`
