import { type RawBuilder, sql } from 'kysely'

import type { Actor, DocumentId, FirmId, StoreId, UserId } from '../../vocabulary/vocabulary.ts'
import { type Batched, createBatch, inOrder, lockWaitOf } from '../connection/batch.ts'
import { denialCodes } from '../../errors/app-error.ts'
import type { Db } from '../connection/client.ts'
import { documentColumns, type DocumentRecord } from './documents.ts'
import { isVisibleTo } from './confidential-documents.ts'
import { detailsOf } from '../audit/events.ts'
import { callerOfEach } from '../people/session-state.ts'
import { type AccessRow, accessOf, type Membership, membershipFrom, type RightToCheck } from '../people/check-access.ts'

/** The stores that one instance can read: one local store, and S3 if configured. */
type ReadableStores = { localStoreId: StoreId; hasS3: boolean }

/** `hasScanner`: files that were never scanned are not served. */
export type ContentAccess = ReadableStores & { hasScanner: boolean }

type OpenRequest = {
  actor: Actor
  firmId: FirmId
  documentId: DocumentId
  /** Undefined: the current one. */
  version?: number | undefined
  /** For a download; undefined: only the document's facts are requested, which are shown in every state. */
  contentAccess: ContentAccess | undefined
  /** A further range of a file whose event is written: only a denial or another outcome than `ok` leaves one. */
  isContinued?: boolean | undefined
}

/** Why the content is not served; `ok` when it is. The audit trail records the same word. */
type DocumentOutcome = 'ok' | 'not_found' | 'gone' | 'scan_pending' | 'quarantined' | 'store_unavailable'

export type OpenedDocument = DocumentRecord & { outcome: DocumentOutcome; membership: Membership }

type OpenedRow = AccessRow & Omit<OpenedDocument, 'membership'> & { position: number }

/**
 * Opens a document under one right. Throws `AccessDenied`. Undefined if the firm has no such document that this person may
 * see.
 */
export type OpenDocument = (opening: OpenRequest) => Promise<OpenedDocument | undefined>

type Right = RightToCheck & { event: string }

/**
 * Checks the right and the state, reads the document and writes the event in one statement. Requests that arrive
 * during a statement share the next one.
 */
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
  const caller = callerOfEach(openings.map(({ actor }) => actor))
  const firmId = sql.ref<FirmId>('asked.firm_id')
  return sql<OpenedRow>`
    with asked as materialized (
      select * from json_to_recordset(${JSON.stringify(openings.map(rowOf))}::json) as asked (
        position int, user_id uuid, session_id uuid, api_key_id uuid, firm_id uuid, document_id uuid, requested_version int, ip text, user_agent text, request_id text, details jsonb,
        local_store_id uuid, has_s3 boolean, has_scanner boolean, is_continued boolean), ${lockWaitOf(openings)} as lock_timeout
    ),
    judged as materialized (
      select asked.*, access.denial, access.role, found.*, ${outcome} as outcome
      from asked
      cross join lateral ${accessOf({ caller, firmId, right })} as access
      left join lateral (
        select ${documentColumns}
        from documents d
        join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
          and v.version = coalesce(asked.requested_version, d.current_version)
        where access.denial is null and d.firm_id = asked.firm_id and d.id = asked.document_id
          and ${isVisibleTo(sql`access.role`, userId, confidentialRoles)}
        -- OFFSET 0 forces a look-up by key for each row. The planner expects a hundred rows and would join all documents.
        offset 0
      ) as found on true
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
      select ${right.event}, coalesce(${codeByDenial}::jsonb ->> denial, outcome), firm_id, document_id, version, user_id,
             ip, user_agent, request_id, details
      from judged
      where not (is_continued and denial is null and outcome = 'ok')
    )
    select * from judged order by position`
}

/** `toWellFormed`: the database rejects JSON with lone surrogates. */
function rowOf(opening: OpenRequest, position: number) {
  const { actor, firmId, documentId, version, contentAccess } = opening
  return {
    position,
    user_id: actor.userId,
    session_id: actor.sessionId,
    api_key_id: actor.apiKeyId,
    firm_id: firmId,
    document_id: documentId,
    requested_version: version,
    ip: actor.ip,
    user_agent: actor.userAgent.toWellFormed(),
    request_id: actor.requestId,
    details: detailsOf(actor, {}),
    local_store_id: contentAccess?.localStoreId,
    has_s3: contentAccess?.hasS3,
    has_scanner: contentAccess?.hasScanner,
    is_continued: opening.isContinued === true,
  }
}

const codeByDenial = JSON.stringify(denialCodes)

/** SQL. Without `local_store_id` no content is requested. */
const outcome = sql<DocumentOutcome>`case
  when found.id is null then 'not_found'
  when asked.local_store_id is null then 'ok'
  when found."deletedAt" is not null then 'gone'
  -- First, because the bytes of an infected version are in quarantine and so count as removed.
  when found."scanStatus" = 'infected' then 'quarantined'
  when found."bytesState" <> 'present' then 'gone'
  when found."scanStatus" = 'pending' or (found."scanStatus" = 'skipped' and asked.has_scanner) then 'scan_pending'
  when found.store = 's3' and not asked.has_s3 then 'store_unavailable'
  -- A row of the platform has no store id. The instance tries its own local store.
  when found.store = 'local' and found."storeId" <> asked.local_store_id then 'store_unavailable'
  else 'ok'
end`
