import { type RawBuilder, sql } from 'kysely'

import type { Actor, DocumentId, FirmId, StoreId, UserId } from '../../vocabulary/vocabulary.ts'
import { type Batched, createBatch, inOrder, lockWaitOf } from '../connection/batch.ts'
import { denialCodes } from '../../errors/app-error.ts'
import type { Db } from '../connection/client.ts'
import { documentColumns, type DocumentRecord, isVisibleTo } from './documents.ts'
import { type AccessRow, accessOf, type Membership, membershipFrom, type RightToCheck } from '../people/membership.ts'

/** The stores that one instance can read: one disk, and S3 where it is set up. */
export type ReadableStores = { localStoreId: StoreId; hasS3: boolean }

/** `hasScanner`: what was never scanned is not given out. */
export type ContentAccess = ReadableStores & { hasScanner: boolean }

export type OpenRequest = {
  actor: Actor
  firmId: FirmId
  documentId: DocumentId
  /** Undefined: the current one. */
  version?: number | undefined
  /** From where the bytes are wanted; undefined when only what is known of them is: that is shown in every state. */
  contentAccess: ContentAccess | undefined
}

/** Why the content is not served; `ok` when it is. The audit trail records the same word. */
export type DocumentOutcome = 'ok' | 'not_found' | 'gone' | 'scan_pending' | 'quarantined' | 'store_unavailable'

export type OpenedDocument = DocumentRecord & { outcome: DocumentOutcome; membership: Membership }

type OpenedRow = AccessRow & Omit<OpenedDocument, 'membership'> & { position: number }

/**
 * Opens documents for one right. Throws `AccessDenied` when the person may not; undefined when the firm has no such document
 * that this person may see.
 */
export type OpenDocument = (opening: OpenRequest) => Promise<OpenedDocument | undefined>

type Right = RightToCheck & { event: string }

/** Right, document, state and audit event in one statement, for all requests that arrive while another one is under way. */
export function createDocumentOpener(db: Db, right: Right, confidentialRoles: readonly string[]): OpenDocument {
  const open: Batched<OpenRequest, OpenedRow> = createBatch('open document', async (openings) => {
    const { rows } = await openAll(openings, right, confidentialRoles).execute(db)
    return inOrder(rows, openings)
  })
  return async (opening) => {
    const row = await open(opening)
    const membership = membershipFrom(row, { userId: opening.actor.userId, firmId: opening.firmId })
    return row.outcome === 'not_found' ? undefined : { ...row, membership }
  }
}

function openAll(openings: OpenRequest[], right: Right, confidentialRoles: readonly string[]): RawBuilder<OpenedRow> {
  const userId = sql.ref<UserId>('asked.user_id')
  const firmId = sql.ref<FirmId>('asked.firm_id')
  return sql<OpenedRow>`
    with asked as materialized (
      select * from json_to_recordset(${JSON.stringify(openings.map(rowOf))}::json) as asked (
        position int, user_id uuid, firm_id uuid, document_id uuid, wanted int, ip text, user_agent text, request_id text,
        local_store_id uuid, has_s3 boolean, has_scanner boolean), ${lockWaitOf(openings)} as patience
    ),
    judged as materialized (
      select asked.*, access.denial, access.role, found.*, ${outcome} as outcome
      from asked
      cross join lateral ${accessOf({ userId, firmId, right })} as access
      left join lateral (
        select ${documentColumns}
        from documents d
        join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
          and v.version = coalesce(asked.wanted, d.current_version)
        where access.denial is null and d.firm_id = asked.firm_id and d.id = asked.document_id
          and ${isVisibleTo(sql`access.role`, userId, confidentialRoles)}
        -- By the key of each row: the planner expects a hundred of them, and would join all documents.
        offset 0
      ) as found on true
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id)
      select ${right.event}, coalesce(${codeByDenial}::jsonb ->> denial, outcome), firm_id, document_id, version, user_id,
             ip, user_agent, request_id
      from judged
    )
    select * from judged order by position`
}

/** By place in the array; text is well-formed, as JSON in the database must be. */
function rowOf({ actor, firmId, documentId, version, contentAccess }: OpenRequest, position: number) {
  return {
    position,
    user_id: actor.userId,
    firm_id: firmId,
    document_id: documentId,
    wanted: version,
    ip: actor.ip,
    user_agent: actor.userAgent.toWellFormed(),
    request_id: actor.requestId,
    local_store_id: contentAccess?.localStoreId,
    has_s3: contentAccess?.hasS3,
    has_scanner: contentAccess?.hasScanner,
  }
}

const codeByDenial = JSON.stringify(denialCodes)

/** SQL. Without `local_store_id` no content is requested. */
const outcome = sql<DocumentOutcome>`case
  when found.id is null then 'not_found'
  when asked.local_store_id is null then 'ok'
  when found."deletedAt" is not null then 'gone'
  -- Before what is said of its bytes, which are not where they were.
  when found."scanStatus" = 'infected' then 'quarantined'
  when found."bytesState" <> 'present' then 'gone'
  when found."scanStatus" = 'pending' or (found."scanStatus" = 'skipped' and asked.has_scanner) then 'scan_pending'
  when found.store = 's3' and not asked.has_s3 then 'store_unavailable'
  -- A row of the platform names no disk, and is tried on the one at hand.
  when found.store = 'local' and found."storeId" <> asked.local_store_id then 'store_unavailable'
  else 'ok'
end`
