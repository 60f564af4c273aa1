import { type RawBuilder, sql } from 'kysely'

import type { Actor, DocumentId, FirmId, StoreId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { documentColumns, type DocumentRecord, isVersion, isVisibleTo } from './documents.ts'
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
  /** Undefined: the current one. */
  version?: number | undefined
  right: RightToCheck & { event: string }
  confidentialRoles: readonly string[]
  /** From where the bytes are wanted; undefined when only what is known of them is: that is shown in every state. */
  bytesFrom: BytesWanted | undefined
}

/** The stores that one instance can read: one disk, and S3 where it is set up. */
export type Reach = { localStoreId: StoreId; hasS3: boolean }

/** `hasScanner`: what was never scanned is not given out. */
export type BytesWanted = Reach & { hasScanner: boolean }

/** What stands in the way of the bytes; `ok` when nothing does. The same word goes to the audit trail. */
export type DocumentOutcome = 'ok' | 'not_found' | 'gone' | 'scan_pending' | 'quarantined' | 'store_unavailable'

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
      join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and ${isVersion(opening.version)}
      where access.refusal is null and d.firm_id = ${firmId} and d.id = ${documentId}
        and ${isVisibleTo(sql`access.role`, actor.userId, opening.confidentialRoles)}
    ),
    judged as (select access.refusal, access.role, found.*, ${outcomeOf(opening.bytesFrom)} as outcome from access left join found on true),
    event as (
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id)
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

const outcomeOf = (bytesFrom: BytesWanted | undefined): RawBuilder<DocumentOutcome> => sql`case
  when found.id is null then 'not_found'
  when not ${bytesFrom !== undefined}::boolean then 'ok'
  when found."deletedAt" is not null then 'gone'
  -- Before what is said of its bytes, which are not where they were.
  when found."scanStatus" = 'infected' then 'quarantined'
  when found."bytesState" <> 'present' then 'gone'
  when found."scanStatus" = 'pending' or (found."scanStatus" = 'skipped' and ${bytesFrom?.hasScanner ?? true}::boolean)
    then 'scan_pending'
  when found.store = 's3' and not ${bytesFrom?.hasS3 ?? false}::boolean then 'store_unavailable'
  -- A row of the platform names no disk, and is tried on the one at hand.
  when found.store = 'local' and found."storeId" <> ${bytesFrom?.localStoreId ?? null}::uuid then 'store_unavailable'
  else 'ok'
end`
